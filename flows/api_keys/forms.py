"""What somebody says of a key: its name, what it may do, for which flows, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from flows.api_keys.expiry import DAYS, NEVER, ExpiryError, end_of, expiry_of
from flows.models import Flow
from foundryflow.models import ApiKey, ApiScope
from foundryflow.roles import has_role

MOST_KEYS = 200  # of one person that let somebody in
MOST_FLOWS = 500  # that a form offers
AUTO_ID = "key-%s"
LAST_DAY, ALL, SOME = "day", "all", "some"
TAKEN = "There is a key of this name. Choose another, or revoke that one first."


class KeyNameForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="Of the program, as the log will call it.")

    def __init__(self, data: Mapping[str, Any] | None = None, *, key: ApiKey | None = None, **given: Any) -> None:
        self.key = key
        super().__init__(data, **{"auto_id": AUTO_ID, **given})

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not name.isprintable():
            raise forms.ValidationError("A name is one line of plain text.")
        same = ApiKey.objects.filter(name=name, revoked_at=None)
        if (same.exclude(pk=self.key.pk) if self.key else same).exists():
            raise forms.ValidationError(TAKEN)
        return name


class ExpiryForm(forms.Form):
    expiry = forms.ChoiceField(label="Expires", choices=[*DAYS.items(), (LAST_DAY, "On a day…"), (NEVER, "Never")])
    last_day = forms.DateField(
        label="Last day", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, now: datetime | None = None, **given: Any) -> None:
        self.now = now or timezone.now()
        super().__init__(data, **{"auto_id": AUTO_ID, **given})
        self.fields["last_day"].widget.attrs["min"] = (timezone.localdate(self.now) + timedelta(days=1)).isoformat()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if "expiry" in cleaned and "last_day" not in self.errors:
            try:
                cleaned["expires_at"] = self.read_expiry(cleaned["expiry"], cleaned.get("last_day"))
            except ExpiryError as error:
                self.add_error("last_day", str(error))
        return cleaned

    def read_expiry(self, chosen: str, day: date | None) -> datetime | None:
        """Raises ExpiryError."""
        if chosen != LAST_DAY:
            return expiry_of(chosen, self.now)
        if day is None:
            raise ExpiryError("Say the last day.")
        return end_of(day, self.now)


class LimitForm(forms.Form):
    limit = forms.ChoiceField(
        label="Flows", choices=[(ALL, "All flows"), (SOME, "Only these")], widget=forms.RadioSelect, initial=ALL
    )
    flows = forms.TypedMultipleChoiceField(
        label="Which flows", required=False, coerce=int, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, data: Mapping[str, Any] | None = None, **given: Any) -> None:
        super().__init__(data, **{"auto_id": AUTO_ID, **given})
        chosen = {int(each) for each in self["flows"].value() or () if str(each).isdecimal() and len(str(each)) < 16}
        self.offered = offered_flows(chosen)
        self.is_cut = len(self.offered) > MOST_FLOWS
        field = self.fields["flows"]
        field.choices = [(flow.pk, flow.name) for flow in self.offered]  # type: ignore[attr-defined]
        self.choices = [(flow, flow.pk in chosen) for flow in self.offered]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("limit") == SOME and not cleaned.get("flows") and "flows" not in self.errors:
            self.add_error("flows", "Choose a flow, or all flows.")
        cleaned["flow_ids"] = sorted(cleaned.get("flows") or ()) if cleaned.get("limit") == SOME else None
        return cleaned


class KeyForm(KeyNameForm, LimitForm, ExpiryForm):
    """A new key. Nobody gives it more than their role may."""

    scopes = forms.MultipleChoiceField(
        label="May",
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": "Choose what the key may do.",
            "invalid_choice": "Your role may not give this to a key.",
        },
    )

    def __init__(self, user: User, data: Mapping[str, Any] | None = None, **given: Any) -> None:
        self.user = user
        super().__init__(data, **given)
        allowed = scopes_for(user)
        field = self.fields["scopes"]
        field.choices = [(scope.value, scope.label) for scope in allowed]  # type: ignore[attr-defined]
        chosen = self["scopes"].value() or ()
        self.scope_choices = [(scope, scope.value in chosen) for scope in allowed]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if ApiKey.objects.filter(created_by=self.user, revoked_at=None).count() >= MOST_KEYS:
            self.add_error(None, f"You have {MOST_KEYS} keys. Revoke one that no program needs.")
        return cleaned


def scopes_for(user: User) -> list[ApiScope]:
    """What the role of somebody may give to a key."""
    return [scope for scope in ApiScope if has_role(user, scope.least)]


def offered_flows(chosen: set[int]) -> list[Flow]:
    """By name: those that were changed last, and those that are chosen already. One more than MOST_FLOWS when there
    are more."""
    flows = Flow.objects.in_designer().defer("head")
    newest = flows.order_by("-changed_at").values_list("pk", flat=True)[: MOST_FLOWS + 1]
    return sorted(flows.filter(Q(pk__in=list(newest)) | Q(pk__in=chosen)), key=lambda flow: flow.name.lower())


def initial_like(key: ApiKey) -> dict[str, Any]:
    """Of a key like this one, with a name of its own."""
    return {"scopes": key.scopes, **initial_limit(key), "expiry": "90", "name": f"{key.name[:97]} 2"}


def initial_limit(key: ApiKey) -> dict[str, Any]:
    return {"limit": ALL if key.flow_ids is None else SOME, "flows": key.flow_ids or []}


def initial_expiry(key: ApiKey) -> dict[str, Any]:
    if key.expires_at is None:
        return {"expiry": NEVER}
    return {"expiry": LAST_DAY, "last_day": timezone.localdate(key.expires_at)}
