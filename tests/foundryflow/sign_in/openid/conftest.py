from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest
from django.test import Client

from foundryflow.sign_in.openid.metadata import forget_metadata
from foundryflow.sign_in.providers import IdentityProvider, allauth_settings
from tests.conftest import Server
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider


@pytest.fixture(scope="session")
def running_provider():
    provider = OidcProvider()
    with Server(provider) as server:
        provider.issuer = server.url
        yield provider


@pytest.fixture
def provider(running_provider):
    running_provider.reset()
    forget_metadata()
    return running_provider


@pytest.fixture
def configure(settings, provider):
    """Says which provider the server knows, and how."""

    def configure(**given):
        known = {
            "id": "oidc", "name": "Contoso ID", "issuer": provider.issuer, "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET, **given,
        }  # fmt: skip
        settings.IDENTITY_PROVIDERS = [IdentityProvider(**known)]
        settings.SOCIALACCOUNT_PROVIDERS = allauth_settings(settings.IDENTITY_PROVIDERS)

    configure()
    return configure


@pytest.fixture
def trip(configure):
    """A browser that goes to the provider and comes back."""

    def trip(client=None, query="", id="oidc"):
        client = client or Client()
        return come_back(client, leave(client, query, id))

    return trip


def leave(client, query="", id="oidc"):
    """The address that the provider sends the browser back to."""
    left = client.get(f"/login/{id}/{query}")
    assert left.status_code == 302, left.content.decode()
    sent = httpx.get(left.url)
    assert sent.status_code == 302, sent.text
    return sent.headers["location"]


def come_back(client, address):
    parts = urlsplit(address)
    return client.get(f"{parts.path}?{parts.query}")


def said(client, response):
    """What the log-in page says to whoever was sent back there."""
    assert response.status_code == 302, response.content.decode()
    assert response.url.startswith("/login/")
    return " ".join(client.get(response.url).content.decode().split())
