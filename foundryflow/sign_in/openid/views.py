"""To an identity provider and back."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from allauth.account.internal.stagekit import clear_login
from allauth.socialaccount.internal import statekit
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_GET

from foundryflow.access import anyone
from foundryflow.sign_in.audit_entries import STRANGER, record_refused_sign_in
from foundryflow.sign_in.logged_names import LOGGER, caller_of, printable
from foundryflow.sign_in.notices import back_to_login
from foundryflow.sign_in.openid.arrivals import too_many_groups_sentence
from foundryflow.sign_in.openid.faults import ProviderFault, SignInRefused
from foundryflow.sign_in.openid.metadata import metadata_of
from foundryflow.sign_in.openid.provider import NONCE, StrictCallback, StrictProvider, provider_of
from foundryflow.sign_in.providers import IdentityProvider
from foundryflow.sign_in.session_limits import keep_briefly

log = logging.getLogger(LOGGER)


SAME_MOMENT = ProviderFault("You logged in twice at the same moment. Log in again.", "twice at the same moment")


@anyone
@require_GET
def send_to_provider(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Sends the browser to the provider, with a state, a nonce and a challenge that only this browser can answer.

    A link, and no form: a browser that follows a form to another site asks the content policy for each site on the
    way, and providers send people on to others. Nothing is changed by it but what this browser waits for.
    """
    provider = known_or_404(provider_id)
    if request.user.is_authenticated and "again" not in request.GET:
        return redirect(next_page(request))
    if not User.objects.exists():
        return redirect("first_run")
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        # Another site must not sign anybody in: the person presses the button.
        return redirect(f"{reverse('login')}?{urlencode({'next': next_page(request)})}")
    nonce = secrets.token_urlsafe(24)
    keep_briefly(request.session)
    try:
        metadata_of(provider)
        response: HttpResponse = of_allauth(request, provider).redirect(
            request, "login", next_url=next_page(request), auth_params={NONCE: nonce}, nonce=nonce
        )
    except ProviderFault as fault:
        return turn_back(request, provider, fault, next_page(request))
    response.headers["Cache-Control"] = "no-store"
    return response


@anyone
@require_GET
def return_from_provider(request: HttpRequest, provider_id: str) -> HttpResponse:
    """From the provider, with a code, or with a reason why there is none."""
    provider = known_or_404(provider_id)
    callback = StrictCallback(request, provider)
    next = next_page_of_attempt(request, provider)
    clear_login(request)
    try:
        check_issuer(request, provider)
        response: HttpResponse = callback.dispatch(request)
    except ProviderFault as fault:
        return turn_back(request, provider, fault, next)
    except IntegrityError:
        return turn_back(request, provider, SAME_MOMENT, next)
    except SignInRefused as refused:
        return turn_away(request, provider, refused, callback.adapter.identity.email, next)
    if request.user.is_authenticated and provider.groups and callback.adapter.identity.too_many_groups:
        messages.warning(request, too_many_groups_sentence(provider))
    return response


def check_issuer(request: HttpRequest, provider: IdentityProvider) -> None:
    """Whoever answered is whom this server asked (RFC 9207)."""
    metadata, said = metadata_of(provider), request.GET.get("iss")
    if said is None and not (metadata.says_issuer and "code" in request.GET):
        return
    if said != metadata.issuer:
        raise ProviderFault("This answer comes from another provider. Log in again.", "iss of the answer does not fit")


def turn_back(request: HttpRequest, provider: IdentityProvider, fault: ProviderFault, next: str) -> HttpResponse:
    """Something between this server and the provider went wrong."""
    log.warning("Sign-in with %s failed: %s, from %s", provider.name, printable(fault.reason), caller_of(request))
    record_refused_sign_in(request, STRANGER, f"with {provider.name}: {fault.reason}")
    other_way = " A password works meanwhile." if fault.is_outage and settings.PASSWORD_SIGN_IN else ""
    return back_to_login(request, fault.sentence + other_way, next)


def turn_away(
    request: HttpRequest, provider: IdentityProvider, refused: SignInRefused, email: str, next: str
) -> HttpResponse:
    """The provider vouches for somebody who may not come in."""
    who = f"{printable(email) or STRANGER} from {caller_of(request)}"
    log.warning("Sign-in with %s refused, %s: %s", provider.name, refused.reason, who)
    record_refused_sign_in(request, email or STRANGER, f"with {provider.name}: {refused.reason}")
    return back_to_login(request, refused.sentence, next)


def of_allauth(request: HttpRequest, provider: IdentityProvider) -> Any:
    return StrictProvider(request=request, app=StrictCallback(request, provider).adapter.get_provider().app)


def next_page(request: HttpRequest) -> str:
    """Where to go afterwards, as long as it is here."""
    asked = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(asked, {request.get_host()}, request.is_secure())
    return asked if asked and is_ours else resolve_url(settings.LOGIN_REDIRECT_URL)


def next_page_of_attempt(request: HttpRequest, provider: IdentityProvider) -> str:
    """What the attempt that the browser comes back from was begun for."""
    stashed = statekit.get_states(request).get(request.GET.get("state", ""))
    return str(stashed[0].get("next") or "") if stashed and stashed[2] == provider.id else ""


def known_or_404(provider_id: str) -> IdentityProvider:
    provider = provider_of(provider_id)
    if provider is None:
        raise Http404("Nobody logs in this way here.")
    return provider
