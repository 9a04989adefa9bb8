"""Batches as the audit log names them: by number, since they are private unless they are shared."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.http import HttpRequest
from django.urls import reverse

from flows.batch.models import Batch
from foundryflow.audit.record import Subject, origin_of, record


def batch_addresses(numbers: Collection[int]) -> Mapping[int, str]:
    found = Batch.objects.filter(pk__in=numbers, shared=True).values_list("pk", flat=True)
    return {pk: reverse("batch:show", args=[pk]) for pk in found}


def record_batch(request: HttpRequest, verb: str, batch: Batch, detail: str = "", *, pk: int | None = None) -> None:
    """`pk` is the number of a batch that is deleted already."""
    number = pk or batch.pk
    record(origin_of(request), verb, Subject("batch", f"batch {number}", number), detail)
