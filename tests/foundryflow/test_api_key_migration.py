"""Keys from before each call had a scope of its own."""

from importlib import import_module

import pytest
from django.apps import apps

from foundryflow.models import ApiKey

pytestmark = pytest.mark.django_db
BEFORE_AND_AFTER = [
    (["read"], ["read", "usage"]),
    (["run"], ["read", "run", "usage"]),
    (["connections"], ["connections"]),
    (["connections", "run"], ["connections", "read", "run", "usage"]),
    ([], []),
]


def test_existing_keys_keep_what_they_could_do():
    keys = [ApiKey.objects.issue(str(before), before, by=None)[0] for before, _ in BEFORE_AND_AFTER]
    import_module("foundryflow.migrations.0008_api_key_limits").cut_scopes(apps, None)
    assert [ApiKey.objects.get(pk=key.pk).scopes for key in keys] == [after for _, after in BEFORE_AND_AFTER]
