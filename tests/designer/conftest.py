"""The model that counts its calls, and what the designer is asked beside the page."""

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from connections.clients import close_client
from tests.engine.conftest import counting
from tests.factories import make_flow

__all__ = ["counting"]


@pytest.fixture
async def ask_designer(alice, transactional_db):
    """Asks an address of the flow `answer` as alice, and gives the page."""
    await sync_to_async(make_flow)({"format": "foundryflow/1", "name": "Answer", "actions": []}, by=alice)
    client = AsyncClient()
    await client.aforce_login(alice)

    async def get(address, **params):
        response = await client.get(address, params)
        assert response.status_code == 200
        return response.content.decode()

    yield get
    await close_client()
