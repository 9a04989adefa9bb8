"""The page of API keys: administrators see all of them, everybody else their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from flows.api.keys import forget_keys
from flows.api_keys import audit
from flows.api_keys.forms import (
    TAKEN,
    ExpiryForm,
    KeyForm,
    KeyNameForm,
    LimitForm,
    initial_expiry,
    initial_like,
    initial_limit,
)
from flows.api_keys.limits import flows_by_id
from flows.api_keys.list_page import KeyRow, keys_seen_by, list_context
from flows.api_keys.shown_once import ShownKey
from foundryflow.access import reader
from foundryflow.audit.record import origin_of
from foundryflow.http import Request, form_data, whole_number
from foundryflow.models import ApiKey
from foundryflow.models.api_key import date_words
from foundryflow.regions import Region, page, regions


@dataclass(frozen=True)
class KeyPanel:
    """What stands above the list: a form, a question, or a new key. Nothing where it has no template."""

    template: str = ""
    context: dict[str, Any] = field(default_factory=dict)
    label: str = "API key"


@reader
@require_GET
def key_list(request: Request) -> HttpResponse:
    return panel_response(request, KeyPanel())


@reader
@require_http_methods(["GET", "POST"])
def new(request: Request) -> HttpResponse:
    """With ?like=3 the form begins with what that key may do. The answer to the form shows the key, this once."""
    if request.method == "POST":
        form = KeyForm(request.user, form_data(request))
        if shown := create_key(request, form):
            return panel_response(request, KeyPanel("api_keys/_shown_once.html", {"shown": shown}), with_list=True)
        return panel_response(request, new_panel(form), status=422)
    like = keys_seen_by(request.user).filter(pk=whole_number(request.GET.get("like")) or 0).first()
    initial = initial_like(like) if like else {"expiry": "90"}
    return panel_response(request, new_panel(KeyForm(request.user, initial=initial)))


def create_key(request: Request, form: KeyForm) -> ShownKey | None:
    """None when the form says why not."""
    if not form.is_valid():
        return None
    given = form.cleaned_data
    try:
        with transaction.atomic():
            key, text = ApiKey.objects.issue(
                given["name"],
                given["scopes"],
                by=request.user,
                flow_ids=given["flow_ids"],
                expires_at=given["expires_at"],
            )
            audit.record_creation(origin_of(request), key)
    except IntegrityError:
        form.add_error("name", TAKEN)
        return None
    return ShownKey.of(request, key, text)


def new_panel(form: KeyForm) -> KeyPanel:
    return KeyPanel("api_keys/_new.html", {"form": form, "address": reverse("api_keys:new")})


@reader
@require_http_methods(["GET", "POST"])
def rename(request: Request, pk: int) -> HttpResponse:
    key = find_key(request, pk)

    def store(given: dict[str, Any]) -> str:
        before, key.name = key.name, given["name"]
        key.save(update_fields=["name"])
        audit.record_renaming(origin_of(request), key, before)
        return f"{before} is called {key.name} now."

    form = KeyNameForm(form_data(request) if request.method == "POST" else None, key=key, initial={"name": key.name})
    return change_response(request, key, form, "api_keys/_rename.html", store)


@reader
@require_http_methods(["GET", "POST"])
def change_expiry(request: Request, pk: int) -> HttpResponse:
    key = find_key(request, pk)

    def store(given: dict[str, Any]) -> str:
        before, key.expires_at = date_words(key.expires_at), given["expires_at"]
        key.save(update_fields=["expires_at"])
        audit.record_expiry(origin_of(request), key, before)
        return (
            f"{key.name} expires on {date_words(key.expires_at)}." if key.expires_at else f"{key.name} never expires."
        )

    form = ExpiryForm(form_data(request) if request.method == "POST" else None, initial=initial_expiry(key))
    return change_response(request, key, form, "api_keys/_expiry.html", store)


@reader
@require_http_methods(["GET", "POST"])
def change_flows(request: Request, pk: int) -> HttpResponse:
    key = find_key(request, pk)

    def store(given: dict[str, Any]) -> str:
        key.flow_ids = given["flow_ids"]
        key.save(update_fields=["flow_ids"])
        audit.record_limit(origin_of(request), key)
        return f"{key.name} is for {audit.limit_of(key)}."

    form = LimitForm(form_data(request) if request.method == "POST" else None, initial=initial_limit(key))
    return change_response(request, key, form, "api_keys/_limit.html", store)


@reader
@require_http_methods(["GET", "POST"])
def revoke(request: Request, pk: int) -> HttpResponse:
    key = find_key(request, pk)
    if request.method == "GET":
        row = KeyRow(key, flows_by_id([key]), request.user, timezone.now())
        return panel_response(request, KeyPanel("api_keys/_revoke.html", {"row": row, "key": key}))
    with transaction.atomic():
        if key.revoke():
            audit.record_revocation(origin_of(request), key)
    return changed_response(request, f"{key.name} is revoked: within 3 seconds nobody gets in with it.")


def find_key(request: Request, pk: int) -> ApiKey:
    """One that somebody may change. Raises Http404, also where it is revoked."""
    key = keys_seen_by(request.user).select_related("created_by").filter(pk=pk, revoked_at=None).first()
    if key is None:
        raise Http404("There is no such key, or it is revoked.")
    return key


def change_response(
    request: Request, key: ApiKey, form: forms.Form, template: str, store: Callable[[dict[str, Any]], str]
) -> HttpResponse:
    """The form, until it can be stored; `store` gives the sentence that says what was."""
    panel = KeyPanel(template, {"form": form, "key": key, "address": request.path})
    if not form.is_bound or not form.is_valid():
        return panel_response(request, panel, status=422 if form.is_bound else 200)
    try:
        with transaction.atomic():
            sentence = store(form.cleaned_data)
    except IntegrityError:
        form.add_error("name", TAKEN)
        return panel_response(request, panel, status=422)
    return changed_response(request, sentence)


def changed_response(request: Request, sentence: str) -> HttpResponse:
    forget_keys()  # of this process; others remember them for a moment
    messages.info(request, sentence)
    if not request.htmx:
        return redirect("api_keys:list")
    return panel_response(request, KeyPanel(), with_list=True)


def panel_response(request: Request, panel: KeyPanel, status: int = 200, *, with_list: bool = False) -> HttpResponse:
    """The page, or with htmx its panel, and the list where that has changed. Nothing keeps it."""
    if not request.htmx:
        context = {"panel": panel, **panel.context, **list_context(request.user)}
        return page(request, "api_keys/list.html", context, status=status)
    # Not morphed: what was typed belongs to the form before.
    parts = [Region("api_keys/_panel.html", "key-panel", {"panel": panel, **panel.context}, swap="outerHTML")]
    if with_list:
        parts.append(Region("api_keys/_list.html", "api-key-list", list_context(request.user)))
        parts.append(Region("_messages.html", "messages"))
    response = regions(request, *parts, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response
