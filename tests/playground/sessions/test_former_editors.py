"""Whoever is no editor any more looks at their sessions and changes nothing."""

import pytest
from django.urls import reverse

from flows.playground.models import Session
from foundryflow.accounts import give_role
from foundryflow.roles import Role


@pytest.mark.parametrize("role", [Role.READER, Role.RUNNER])
@pytest.mark.parametrize("name", ["rename", "share", "delete", "fork", "versions", "save", "new", "import"])
def test_a_former_editor_changes_nothing(client, person, role, name):
    owner = person(Role.EDITOR)
    session = Session.objects.create(name="Mine", owner=owner, setup={})
    give_role(owner, role, by=None)
    client.force_login(owner)
    address = reverse(f"playground:{name}", args=[] if name in ("new", "import") else [session.pk])
    answer = client.post(address, {"name": "Yours", "shared": "1", "sure": "1", "note": "n"})
    assert answer.status_code == 403
    assert "Only editors may change this." in answer.content.decode()
    found = Session.objects.get()
    assert (found.name, found.shared, found.versions.count()) == ("Mine", False, 0)


def test_a_former_editor_sees_their_sessions_without_what_changes_them(client, person):
    owner = person(Role.EDITOR)
    session = Session.objects.create(name="Mine", owner=owner, setup={})
    give_role(owner, Role.RUNNER, by=None)
    client.force_login(owner)
    for address in (
        reverse("playground:show", args=[session.pk]),
        reverse("playground:sessions"),
        reverse("playground:versions", args=[session.pk]),
    ):
        page = client.get(address).content.decode()
        assert "Mine" in page
        for name in ("rename", "delete", "share", "fork"):
            assert f'{reverse(f"playground:{name}", args=[session.pk])}"' not in page
        assert reverse("playground:import") not in page
