"""allauth's provider for OpenID Connect, made strict: a nonce, a signature that is always looked at, and bounded
requests. Its state and PKCE are used as they are."""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from foundryflow.sign_in.openid.arrivals import Arrival, admit
from foundryflow.sign_in.openid.faults import ProviderFault
from foundryflow.sign_in.openid.identity import ProviderIdentity, identity_of
from foundryflow.sign_in.openid.links import data_of
from foundryflow.sign_in.openid.metadata import metadata_of
from foundryflow.sign_in.openid.tokens import exchange_code, verified_claims
from foundryflow.sign_in.providers import IdentityProvider

NONCE = "nonce"  # in the state of an attempt


def provider_of(id: str) -> IdentityProvider | None:
    found: IdentityProvider | None = next((each for each in settings.IDENTITY_PROVIDERS if each.id == id), None)
    return found


class StrictAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # without types
    """The conversation with one provider, for one attempt."""

    def __init__(self, request: HttpRequest, provider: IdentityProvider) -> None:
        super().__init__(request, provider.id)
        self.known = provider
        self.state: dict[str, Any] = {}  # of the attempt that the browser comes back from

    @property
    def openid_config(self) -> dict[str, Any]:
        """For the parts of allauth that ask it for addresses."""
        metadata = metadata_of(self.known)
        return {"authorization_endpoint": metadata.authorization, "token_endpoint": metadata.token}

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        return request.build_absolute_uri(reverse("provider_callback", args=[self.provider_id]))

    def get_access_token_data(self, request: HttpRequest, app: Any, client: Any, pkce_code_verifier: Any = None) -> Any:
        code = request.GET["code"]
        callback, metadata = self.get_callback_url(request, app), metadata_of(self.known)
        answer = exchange_code(self.known, metadata, code, callback=callback, verifier=pkce_code_verifier)
        claims = verified_claims(self.known, metadata, answer["id_token"], self.state.get(NONCE) or "")
        self.identity = identity_of(self.known, metadata, claims, answer.get("access_token"))
        return {"access_token": ""}  # it is not needed any more, and not kept

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> SocialLogin:
        login = self.get_provider().sociallogin_from_response(request, self.identity)
        login.arrival = Arrival(request, self.known, self.identity)
        return login


class StrictProvider(OpenIDConnectProvider):  # type: ignore[misc]  # without types
    """What an identity means to allauth. Nothing that stands in the address of a request changes what is asked for."""

    def get_oauth2_adapter(self, request: HttpRequest) -> StrictAdapter:
        found = provider_of(self.app.provider_id)
        assert found is not None  # noqa: S101 - allauth knows those of our settings alone
        return StrictAdapter(request, found)

    def extract_uid(self, data: ProviderIdentity) -> str:
        return data.uid

    def extract_extra_data(self, data: ProviderIdentity) -> dict[str, Any]:
        return data_of(data)

    def extract_common_fields(self, data: ProviderIdentity) -> dict[str, Any]:
        return {}  # people are made in `arrivals`

    def extract_email_addresses(self, data: ProviderIdentity) -> list[Any]:
        return []


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # without types
    """What allauth asks about sign-ins by provider."""

    def get_provider(self, request: HttpRequest, provider: str, client_id: str | None = None) -> StrictProvider:
        return StrictProvider(request=request, app=self.get_app(request, provider=provider, client_id=client_id))

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Raises SignInRefused."""
        account = sociallogin.account if sociallogin.is_existing else None
        sociallogin.user = admit(sociallogin.arrival, account)

    def on_authentication_error(self, request: HttpRequest, provider: Any, **found: Any) -> None:
        """Raises ProviderFault, in place of the pages of allauth."""
        if "state" in found["extra_context"] and "error" in request.GET:
            raise fault_by_error(provider.name, request.GET["error"])
        raise ProviderFault(
            "This attempt to log in was over, or its answer was used already. Log in again.", "state is not known"
        )


def fault_by_error(name: str, error: str) -> ProviderFault:
    """For what a provider tells the browser instead of a code (OpenID Connect Core, 3.1.2.6). Anybody can type it."""
    said = error[:60] if error.isascii() and error.isprintable() else "an error"
    if error == "access_denied":
        return ProviderFault(f"You are not logged in: {name} was told no. Log in again when you like.", said)
    if error in ("temporarily_unavailable", "server_error"):
        return ProviderFault(f"{name} cannot log anybody in at the moment. Try again in a minute.", said)
    if error in ("login_required", "interaction_required", "consent_required", "account_selection_required"):
        return ProviderFault(f"{name} has to ask you something first. Log in again.", said)
    return ProviderFault(f"{name} refused this server. An administrator finds more in its log.", said)


class StrictCallback(OAuth2CallbackView):  # type: ignore[misc]  # without types
    """The browser comes back. Raises ProviderFault and SignInRefused."""

    def __init__(self, request: HttpRequest, provider: IdentityProvider) -> None:
        self.request, self.adapter = request, StrictAdapter(request, provider)

    def _get_state(self, request: HttpRequest, provider: Any) -> tuple[dict[str, Any], Any]:
        state, response = super()._get_state(request, provider)
        self.adapter.state = state or {}
        return state, response
