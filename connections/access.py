"""Connections as views find them."""

from __future__ import annotations

from django.http import Http404

from connections.models import Connection


def find_connection(pk: int) -> Connection:
    found = Connection.objects.filter(pk=pk).first()
    if found is None:
        raise Http404("This connection does not exist any more.")
    return found
