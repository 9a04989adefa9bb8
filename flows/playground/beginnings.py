"""Sessions as what a new flow begins with."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.urls import reverse

from flows.catalog.beginnings import Beginning
from flows.playground.models import Session

MOST = 100  # to choose from, the newest


def sessions_to_begin_with(person: User) -> list[Beginning]:
    """Those that the person sees; the page behind one shows what would be made of it."""
    found = Session.objects.visible_to(person).order_by("-changed_at", "-pk").values_list("pk", "name")[:MOST]
    return [Beginning(f"session-{pk}", name, reverse("playground:use", args=[pk])) for pk, name in found]
