"""Whoever follows a run with a key is sent nothing more once a new call with it would be refused."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import RequestFactory
from django.utils import timezone

from flows.api import keys
from foundryflow.accounts import give_role
from foundryflow.models import ApiKey, ApiScope
from foundryflow.roles import Role


def take_role(key):
    give_role(key.created_by, Role.READER, by=None)


CHANGES = {
    "revoked": lambda key: ApiKey.objects.update(revoked_at=timezone.now()),
    "expired": lambda key: ApiKey.objects.update(expires_at=timezone.now()),
    "for another flow": lambda key: ApiKey.objects.update(flow_ids=[8]),
    "without the role": take_role,
    "deactivated": lambda key: User.objects.update(is_active=False),
    "gone": lambda key: ApiKey.objects.all().delete(),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", CHANGES)
async def test_it_ends(person, monkeypatch, change):
    monkeypatch.setattr(keys, "FRESH", 0.02)
    owner = await sync_to_async(person)(Role.RUNNER)
    key, token = await sync_to_async(ApiKey.objects.issue)("script", [ApiScope.RUN], by=owner)
    request = RequestFactory().get("/", headers={"Authorization": f"Bearer {token}"})
    following = asyncio.create_task(keys.key_end(request, ApiScope.RUN, 7))
    await asyncio.sleep(0.2)
    assert not following.done()
    await sync_to_async(CHANGES[change])(key)
    await asyncio.wait_for(following, 10)
