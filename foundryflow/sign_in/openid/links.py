"""Which person here an identity of a provider belongs to. Once linked, only that identity counts, not the email."""

from __future__ import annotations

import time
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest

from foundryflow.accounts import oneself
from foundryflow.audit.record import origin_of_person, record
from foundryflow.sign_in.methods import PASSWORD, method_of, provider_name
from foundryflow.sign_in.openid.identity import ProviderIdentity
from foundryflow.sign_in.providers import IdentityProvider

PENDING = "identity_to_link"  # in the session of somebody who has still to show by password whose email it is
PATIENCE = 600  # seconds that they have for it


def may_link(request: HttpRequest, provider: IdentityProvider, identity: ProviderIdentity, user: User) -> bool:
    """By a verified email, where settings trust it. Else it is kept until the person has shown their password."""
    if identity.email_is_verified and provider.links_by_email:
        return True
    request.session[PENDING] = {
        "provider": provider.id, "name": provider.name, "uid": identity.uid, "data": data_of(identity), "user": user.pk,
        "until": time.time() + PATIENCE,
    }  # fmt: skip
    return False


def is_linked(provider: IdentityProvider, user: User) -> bool:
    return bool(SocialAccount.objects.filter(provider=provider.id, user=user).exists())


def link(request: HttpRequest, provider: IdentityProvider, identity: ProviderIdentity, user: User) -> None:
    create_link(request, user, provider.id, identity.uid, data_of(identity))


def create_link(request: HttpRequest, user: User, provider_id: str, uid: str, data: dict[str, Any]) -> None:
    SocialAccount.objects.create(user=user, provider=provider_id, uid=uid, extra_data=data)
    record(origin_of_person(request, user), "linked", oneself(user), f"with {provider_name(provider_id)}")


def data_of(identity: ProviderIdentity) -> dict[str, Any]:
    """What is kept of an identity."""
    return {"issuer": identity.issuer, "sub": identity.subject, "email": identity.email, "name": identity.name}


def connect_pending_links() -> None:
    user_logged_in.connect(link_after_password, dispatch_uid="foundryflow.sign_in.openid.links")


def pending_link(request: HttpRequest) -> dict[str, Any] | None:
    pending = request.session.get(PENDING)
    return pending if pending and time.time() < pending["until"] else None


def agree_to_link(request: HttpRequest, uid: str) -> None:
    """The person wants it who is about to show their password. It may be another one than began it here."""
    pending = pending_link(request)
    if pending and pending["uid"] == uid:
        request.session[PENDING] = {**pending, "agreed": True}


def link_after_password(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Somebody came from a provider, and has now shown by password that they are who has that email here."""
    pending = request.session.pop(PENDING, None)
    if not pending or not pending.get("agreed") or pending["user"] != user.pk or time.time() > pending["until"]:
        return
    taken = SocialAccount.objects.filter(provider=pending["provider"], uid=pending["uid"])
    if method_of(request, user).startswith(PASSWORD) and not taken.exists():
        create_link(request, user, pending["provider"], pending["uid"], pending["data"])
