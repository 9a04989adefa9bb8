"""The change of one's password."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.contrib.messages import success
from django.http import Http404, HttpResponse, HttpResponseBase
from django.urls import reverse_lazy

from foundryflow.sign_in.attempts import TooMany, begin_attempt
from foundryflow.sign_in.limits import limits_of, lockout_page
from foundryflow.sign_in.logged_names import LOGGER, caller_of, printable
from foundryflow.sign_in.trail import tell

log = logging.getLogger(LOGGER)


class PasswordForm(PasswordChangeForm):
    error_messages = {
        "password_incorrect": "This is not your current password. Capital letters count.",
        "password_mismatch": "The two are not the same.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = {
            "old_password": ("Current password", ""),
            "new_password1": ("New password", f"At least {settings.SHORTEST_PASSWORD} characters."),
            "new_password2": ("Again", ""),
        }
        for name, (label, hint) in labels.items():
            self.fields[name].label, self.fields[name].help_text = label, hint


class ChangePassword(PasswordChangeView):
    """One's own. This session goes on, the person's others end."""

    template_name = "password.html"
    form_class = PasswordForm
    success_url = reverse_lazy("password")

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.PASSWORD_SIGN_IN:
            raise Http404("Nobody logs in with a password here.")
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        who = f"{printable(request.user.get_username())} from {caller_of(request)}"
        try:
            attempt = begin_attempt(limits_of(request, request.user.get_username()))
        except TooMany as refused:
            request.locked_until = refused.until
            return lockout_page(request)
        form = self.get_form()
        if form.is_valid() or "old_password" not in form.errors or not request.POST.get("old_password"):
            attempt.withdraw()
        elif until := attempt.fail():
            log.warning("Password change locked until %s: %s", until.isoformat(timespec="seconds"), who)
            request.locked_until = until
            return lockout_page(request)
        else:
            log.warning("Password change failed: %s", who)
            tell(request, "tried to change their password", ", wrong password", refused=True)
        return self.form_valid(form) if form.is_valid() else self.form_invalid(form)

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        response = super().form_valid(form)
        success(self.request, "The password is changed. Everywhere else you are signed out.")
        tell(self.request, "changed their password")
        log.warning("Password changed: %s from %s", printable(form.user.get_username()), caller_of(self.request))
        return response

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = 422
        return response
