"""The page on which a key of a connection is replaced, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connections.access import find_connection
from connections.clients import foundry_client
from connections.endpoint.endpoint import EndpointError
from connections.fields import KeyUnreadable
from connections.form_parts import SecretCharField, check_secret
from connections.models import Connection
from connections.rotation import deeds, reminders
from connections.rotation.steps import RotationRefused, target_with_other_key
from connections.rotation.use_chart import use_chart
from connections.secret import Secret
from connections.tabs import tab_context
from connections.usage import waiting_runs_of
from foundryflow.access import editor
from foundryflow.audit.record import origin_of
from foundryflow.database.threads import in_thread
from foundryflow.http import Request, form_data, whole_number
from foundryflow.regions import page

MOST_DAYS = 3_650  # of a reminder


class SecondKeyForm(forms.Form):
    second_key = SecretCharField("Second key", strip=True, help_text="Write-only. Only one is sent; the other waits.")

    def clean_second_key(self) -> str:
        typed = check_secret(self.cleaned_data["second_key"], "key")
        if not typed:
            raise forms.ValidationError("Type the other key that the portal shows.")
        return typed


@editor
@require_GET
def show(request: Request, pk: int) -> HttpResponse:
    connection = find_connection(pk)
    template = "connections/_rotation.html" if request.htmx else "connections/rotation.html"
    return page(request, template, rotation_context(connection, SecondKeyForm()))


def rotation_context(connection: Connection, form: SecondKeyForm) -> dict[str, Any]:
    found = tab_context(connection, "rotation")
    return {
        **found,
        "form": form,
        "chart": use_chart(found["rotation"]),
        "waiting": waiting_runs_of(connection.name),
        "reminder": "" if connection.remind_after_days is None else str(connection.remind_after_days),
        "reminder_choices": reminders.reminder_choices(),
        "last_rotations": deeds.last_rotations(connection),
    }


@editor
@require_POST
def store(request: Request, pk: int) -> HttpResponse:
    connection, form = find_connection(pk), SecondKeyForm(form_data(request))
    if not form.is_valid():
        return page(request, "connections/rotation.html", rotation_context(connection, form), status=422)
    secret = Secret(form.cleaned_data["second_key"])
    return carry_out(request, pk, lambda: deeds.store_second_key(connection, secret, origin_of(request)))


@editor
@require_POST
async def verify(request: Request, pk: int) -> HttpResponse:
    """One tiny chat call with the key that waits."""
    connection = await in_thread(find_connection)(pk)
    return await in_thread(carry_out)(request, pk, await verification(request, connection))


async def verification(request: Request, connection: Connection) -> Callable[[], None]:
    """The deed that records what the test found, or says why there was none."""
    model = (form_data(request).get("model", "") or connection.default_model).strip()[:200]
    if not model and connection.needs_deployment:
        return refuse("Type the name of a deployment to verify with.")
    try:
        target = await in_thread(target_with_other_key)(connection)
    except (RotationRefused, KeyUnreadable, EndpointError) as error:
        return refuse(str(error))
    tested = (target.identity.secret if target.identity else target.key).fingerprint
    result = await foundry_client().test(target, model)
    by = await sync_to_async(origin_of)(request)
    return lambda: deeds.record_verification(connection, result, model, tested, by)


def refuse(sentence: str) -> Callable[[], None]:
    def raise_it() -> None:
        raise RotationRefused(sentence)

    return raise_it


@editor
@require_POST
def switch(request: Request, pk: int) -> HttpResponse:
    connection, number = find_connection(pk), chosen_slot(request)
    return carry_out(request, pk, lambda: deeds.switch_to(connection, number, origin_of(request)))


@editor
@require_http_methods(["GET", "POST"])
def retire(request: Request, pk: int) -> HttpResponse:
    """Asks once."""
    connection = find_connection(pk)
    if request.method == "GET":
        return page(request, "connections/retire.html", tab_context(connection, "rotation"))
    number = chosen_slot(request)
    return carry_out(request, pk, lambda: deeds.retire(connection, number, origin_of(request)))


@editor
@require_POST
def remind(request: Request, pk: int) -> HttpResponse:
    connection, days = find_connection(pk), request.POST.get("days", "")
    chosen = whole_number(days) if days else None
    reminders.set_reminder(connection, None if chosen is None else min(chosen, MOST_DAYS), origin_of(request))
    return redirect("connections:rotation", pk)


def chosen_slot(request: Request) -> int:
    return whole_number(request.POST.get("slot", "")) or 0


def carry_out(request: Request, pk: int, deed: Callable[[], None]) -> HttpResponse:
    """The page as it is after the deed, with the sentence of a refusal."""
    try:
        deed()
    except (RotationRefused, KeyUnreadable) as refused:
        messages.warning(request, str(refused))
    return redirect("connections:rotation", pk)
