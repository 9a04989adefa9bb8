"""Where two-factor is set up."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from foundryflow.access import reader
from foundryflow.http import Request
from foundryflow.regions import page


@reader
@require_safe
def set_up_two_factor(request: Request) -> HttpResponse:
    return page(request, "sign_in/two_factor.html", {})
