"""List, create, edit, copy and delete connections; create one inside the property panel."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connections.access import find_connection
from connections.audit import changed_fields, subject_of
from connections.contexts import Findings, kind_choices
from connections.forms import AnyConnectionForm, ConnectionForm, TestForm, connection_form
from connections.kinds.base import ConnectionKind
from connections.kinds.foundry import FOUNDRY
from connections.kinds.registry import KINDS
from connections.lesson_memory import memory
from connections.list_page import ListFilters, list_context
from connections.models import Connection, LearntLesson
from connections.rotation.deeds import drop_key_for_another_host, lock_connection
from connections.session_tests import find_test
from connections.tabs import tab_context
from connections.usage import users_of
from foundryflow.access import editor, reader
from foundryflow.audit.record import Subject, origin_of, record
from foundryflow.http import Request, form_data, whole_number
from foundryflow.regions import page, redirect_page


@reader
@require_GET
def connection_list(request: Request) -> HttpResponse:
    return page(request, "connections/list.html", list_context(ListFilters.of(request.GET)))


@editor
@require_http_methods(["GET", "POST"])
def new(request: Request) -> HttpResponse:
    kind = chosen_kind(request)
    form = connection_form(kind, request.POST or None, initial=initial_of(request))
    if request.method == "POST" and form.is_valid() and save_connection(form, request, Connection()):
        warn_about_identity(form, request)
        return redirect_page(request, reverse("connections:list"))
    return form_response(request, form, None)


@editor
@require_http_methods(["GET", "POST"])
def edit(request: Request, pk: int) -> HttpResponse:
    stored = find_connection(pk)
    form = connection_form(stored.kind_of, request.POST or None, stored=stored)
    if request.method == "POST" and form.is_valid() and save_connection(form, request, stored):
        messages.info(request, f"{stored.name} is saved.")
        warn_about_identity(form, request)
        return redirect_page(request, reverse("connections:edit", args=[pk]))
    return form_response(request, form, stored)


def form_response(request: Request, form: AnyConnectionForm, stored: Connection | None) -> HttpResponse:
    """A refused form is put into the page in place: the keys that were typed stay there, none comes from here."""
    template = "_edit_form.html" if request.htmx else "edit.html"
    status = 422 if form.is_bound else 200
    return page(request, f"connections/{template}", edit_context(form, stored), status=status)


def chosen_kind(request: Request, kinds: tuple[str, ...] = tuple(KINDS)) -> ConnectionKind:
    """The kind that a page or a form has chosen, of those that are offered; else the first of them."""
    name = request.POST.get("kind") or request.GET.get("kind", "")
    return KINDS[name if name in kinds else kinds[0]]


def initial_of(request: Request) -> dict[str, str]:
    """What stays typed when another kind is chosen."""
    return {"name": request.GET.get("name", "")[:100]}


def warn_about_identity(form: AnyConnectionForm, request: Request) -> None:
    """Says of what was saved that it cannot work."""
    if form.identity_note:
        messages.warning(request, form.identity_note)


def edit_context(form: AnyConnectionForm, stored: Connection | None) -> dict[str, Any]:
    return {
        **form_context(form),
        "kinds": [] if stored else kind_choices(form.kind, tuple(KINDS)),
        "connection": stored,
        **(tab_context(stored, "settings") if stored else {}),
    }


def form_context(form: AnyConnectionForm) -> dict[str, Any]:
    """What the fields of a form show, on its page and in the panel."""
    if not isinstance(form, ConnectionForm):
        return {"form": form}
    return {
        "form": form,
        "findings": Findings.of(form.public_endpoint),
        "test_form": TestForm(initial={"model": form["default_model"].value() or ""}),
    }


def save_connection(form: AnyConnectionForm, request: Request, connection: Connection) -> bool:
    """False when flows use it by its former name, or somebody took the name or switched keys in the same moment; the
    form then says so."""
    if connection.pk and not may_rename(form, connection):
        return False
    is_new, calls_before = connection.pk is None, connection.call_digest if connection.pk else ""
    before = None if is_new else Connection.objects.filter(pk=connection.pk).first()
    new_key = form.fill(connection)
    if connection.call_digest != calls_before:
        take_over_test(connection, request)
    if new_key:
        connection.key_changed_at, connection.key_changed_by = timezone.now(), request.user
    try:
        with transaction.atomic():
            if not is_new and lock_connection(connection).slot != connection.slot:
                form.add_error("key", "Somebody switched to the other key in the same moment. Save once more.")
                return False
            connection.save()
            drop_key_for_another_host(connection)
            record(origin_of(request), *saved_words(connection, before, new_key))
    except IntegrityError:
        form.add_error("name", "There is a connection of this name. Choose another.")
        return False
    return True


def may_rename(form: AnyConnectionForm, stored: Connection) -> bool:
    """False when flows use it by the name that it would lose; the form then says so."""
    users = users_of(stored.name) if form.cleaned_data["name"] != stored.name else []
    if users:
        names = ", ".join(user.name for user in users[:5])
        form.add_error(
            "name", f"Flows use it by its name: {names}. Keep {stored.name}, or choose another connection there first."
        )
    return not users


def saved_words(connection: Connection, before: Connection | None, new_key: bool) -> tuple[str, Subject, str]:
    """Verb, subject and detail for the audit log: which fields were changed, and none of their secrets."""
    if before is None:
        return "created", subject_of(connection), f"as {connection.label}{', with a key' if new_key else ''}"
    changed = changed_fields(before, connection)
    words = [*changed, *(["a new key"] if new_key else [])]
    return "changed", subject_of(connection), f": {', '.join(words)}" if words else ": nothing"


def take_over_test(connection: Connection, request: Request) -> None:
    """What a test of the form has said is said of the connection; what was said of other calls is not."""
    found = find_test(request.session, connection)
    connection.note_check(found.check if found else None)
    if found and found.check.ok and connection.is_foundry and not connection.default_model:
        connection.default_model = found.model


@editor
@require_POST
def duplicate(request: Request, pk: int) -> HttpResponse:
    """A connection of another name that calls the same, with the same key; to be changed afterwards."""
    copied = find_connection(pk)
    name = copied.name
    copied.pk, copied.name, copied.slot, copied.switched_at = None, free_name(name), 1, None
    copied.created_at = timezone.now()
    with transaction.atomic():
        copied.save(force_insert=True)
        record(origin_of(request), "created", subject_of(copied), f"as a copy of {name}, with its key")
    messages.info(request, f"{copied.name} is a copy of {name}, with its key.")
    return redirect("connections:edit", copied.pk)


def free_name(name: str) -> str:
    """ "contoso copy", "contoso copy 2" and so on."""
    begin = f"{name[:88]} copy"
    taken = set(Connection.objects.filter(name__startswith=begin).values_list("name", flat=True))
    return next(each for n in count(1) if (each := begin if n == 1 else f"{begin} {n}") not in taken)


@editor
@require_http_methods(["GET", "POST"])
def delete(request: Request, pk: int) -> HttpResponse:
    """Shows where it is used, and refuses while it is."""
    connection = find_connection(pk)
    users = users_of(connection.name)
    if request.method == "POST" and not users:
        with transaction.atomic():
            subject = subject_of(connection)
            connection.delete()
            record(origin_of(request), "deleted", subject)
        messages.info(request, f"{connection.name} was deleted.")
        return redirect("connections:list")
    context = {"connection": connection, "users": users}
    return page(request, "connections/delete.html", context, status=409 if request.method == "POST" else 200)


@editor
@require_GET
def check_name(request: Request) -> HttpResponse:
    """Whether the name is free, while it is typed."""
    name = request.GET.get("name", "").strip()
    found = Connection.objects.filter(name=name).exclude(pk=whole_number(request.GET.get("pk")) or 0) if name else None
    context = {"name": name, "is_taken": bool(found and found.exists())}
    return page(request, "connections/_name_check.html", context)


@editor
@require_POST
def recognise(request: Request) -> HttpResponse:
    """What the pasted text is, while it is typed. A POST, so that nothing pasted stands in a log of URLs."""
    text = request.POST.get("endpoint", "").replace("\r\n", "\n")
    findings = Findings.of(text)
    response = page(request, "connections/_findings.html", {"findings": findings})
    if parts := findings.split_text(text):
        response.headers["HX-Trigger"] = json.dumps({"endpoint-pasted": parts})
    return response


@editor
@require_POST
def forget(request: Request, pk: int) -> HttpResponse:
    """Forgets one lesson about the endpoint, or all about one deployment: the next call finds out anew."""
    connection = find_connection(pk)
    lessons = LearntLesson.objects.filter(endpoint=connection.endpoint)
    if lesson := request.POST.get("lesson", ""):
        lessons = lessons.filter(pk=whole_number(lesson) or 0)
    else:
        lessons = lessons.filter(model=form_data(request).get("model", ""))
    for model in set(lessons.values_list("model", flat=True)):
        memory.forget(connection.endpoint, model)
    with transaction.atomic():
        count, _ = lessons.delete()
        if count:
            said = f"{count} lesson{'' if count == 1 else 's'}"
            record(origin_of(request), f"forgot {said} about", subject_of(connection))
    messages.info(request, f"{count} lesson{'' if count == 1 else 's'} forgotten.")
    return redirect("connections:learned", pk)


@editor
@require_GET
def new_in_panel(request: Request) -> HttpResponse:
    kinds = offered_kinds(request)
    form = connection_form(chosen_kind(request, kinds), initial=initial_of(request))
    return page(request, "connections/_panel_form.html", panel_context(form, kinds))


@editor
@require_POST
def create_in_panel(request: Request) -> HttpResponse:
    """Creates the connection; the designer hears its name and chooses it."""
    kinds = offered_kinds(request)
    form = connection_form(chosen_kind(request, kinds), request.POST)
    connection = Connection()
    if form.is_valid() and save_connection(form, request, connection):
        response = HttpResponse("")
        created = {"name": connection.name, "model": connection.default_model}
        response.headers["HX-Trigger"] = json.dumps({"connection-created": created})
        return response
    return page(request, "connections/_panel_form.html", panel_context(form, kinds), status=422)


def offered_kinds(request: Request) -> tuple[str, ...]:
    """The kinds that the property takes, which the panel names."""
    named = (request.POST.get("kinds") or request.GET.get("kinds", "")).split(",")
    return tuple(name for name in named if name in KINDS) or (FOUNDRY.name,)


def panel_context(form: AnyConnectionForm, kinds: tuple[str, ...]) -> dict[str, Any]:
    return {
        **form_context(form),
        "kinds": kind_choices(form.kind, kinds) if len(kinds) > 1 else [],
        "kinds_offered": ",".join(kinds),
    }
