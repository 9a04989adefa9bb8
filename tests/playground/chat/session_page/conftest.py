"""A session of the playground, as its page finds it."""

import pytest

from flows.playground.models import Session
from flows.playground.setup import Setup
from tests.factories import make_connection


@pytest.fixture
def session(alice):
    make_connection("contoso")
    setup = Setup(connection="contoso", model="gpt-4o-mini")
    return Session.objects.create(name="Invoices", owner=alice, setup=setup.to_json())
