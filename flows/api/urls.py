"""Where programs call. Whoever may, the key says."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.urls import path

from flows.api import reference
from flows.api.views import api
from foundryflow.access import Access


def mark_as_keyed(patterns: list[Any]) -> list[Any]:
    for pattern in patterns:
        pattern.callback = login_not_required(pattern.callback)
        pattern.callback.access = Access.KEY
    return [pattern for pattern in patterns if pattern.name != "api-root"]


urlpatterns = [
    path("docs", reference.docs, name="docs"),
    path("openapi.json", reference.openapi, name="openapi"),
    *mark_as_keyed(api.urls[0]),
]
app_name = "api"
