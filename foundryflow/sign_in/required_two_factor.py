"""Where two-factor is required: whoever signed in with a password alone sets it up before anything else."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from foundryflow.access import Access
from foundryflow.error_pages import error_page
from foundryflow.http import is_from_script
from foundryflow.sign_in.methods import METHOD, PASSWORD
from foundryflow.sign_in.two_factor import has_two_factor

SENTENCE = "Nothing was done: this server wants a second factor of you first. Load the page again to set it up."


def lead_to_set_up(request: HttpRequest, view: Any) -> HttpResponse | None:
    """None where there is nothing to set up, or the view is one that is needed for it."""
    if not settings.TWO_FACTOR_REQUIRED or not request.user.is_authenticated or is_open(request, view):
        return None
    if request.session.get(METHOD) not in (None, "", PASSWORD):
        return None
    if has_two_factor(request.user):
        request.session[METHOD] = f"{PASSWORD} and code"
        return None
    if is_from_script(request):
        return error_page(request, 403, "Two-factor first", SENTENCE, reverse("account:two_factor"))
    return redirect("account:two_factor")


def is_open(request: HttpRequest, view: Any) -> bool:
    if getattr(view, "access", None) in (Access.ANYONE, Access.KEY):
        return True
    path, set_up = request.path_info, path_below_prefix("account:two_factor")
    return path == path_below_prefix("logout") or path.startswith(set_up)


def path_below_prefix(name: str) -> str:
    """The path of a page below the one that a proxy may put in front."""
    return reverse(name).removeprefix(settings.PREFIX)
