"""Secrets leave the addresses of stored connections, and audiences that strangers named are forgotten."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from connections.endpoint.embedded_secrets import without_secrets
from connections.endpoint.endpoint import (Endpoint, EndpointError, SecretInEndpoint)
from connections.endpoint.recognise import parse_endpoint
from connections.foundry.lessons import SCOPE
from connections.secret import Secret


def move_keys(apps: Any, editor: Any) -> None:
    connections = apps.get_model("connections", "Connection").objects
    for connection in connections.only("pk", "endpoint", "key"):
        try:
            endpoint = parse_endpoint(connection.endpoint)
        except SecretInEndpoint:
            # It cannot be called any more, and its page asks for the address anew.
            connections.filter(pk=connection.pk).update(endpoint=without_secrets(connection.endpoint))
        except EndpointError:
            continue
        else:
            if endpoint.found_key is None:
                continue
            changed: dict[str, Any] = {"endpoint": endpoint.url}
            if connection.key == Secret(""):
                changed["key"] = endpoint.found_key
            connections.filter(pk=connection.pk).update(**changed)


def forget(apps: Any, editor: Any) -> None:
    lessons = apps.get_model("connections", "LearntLesson").objects
    wrong = []
    for lesson in lessons.only("pk", "endpoint", "parameter").iterator():
        try:
            endpoint = parse_endpoint(lesson.endpoint)
        except EndpointError:
            wrong.append(lesson.pk)
        else:
            if endpoint.found_key is not None or (lesson.parameter == SCOPE and not endpoint.is_resource):
                wrong.append(lesson.pk)
    for start in range(0, len(wrong), 500):
        lessons.filter(pk__in=wrong[start : start + 500]).delete()


class Migration(migrations.Migration):
    dependencies = [("connections", "0003_limits")]

    operations = [
        migrations.RunPython(move_keys, migrations.RunPython.noop),
        migrations.RunPython(forget, migrations.RunPython.noop),
    ]
