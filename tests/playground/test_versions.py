"""Versions of a session's settings: kept when they are used, saved with a note, compared, taken back."""

from __future__ import annotations

import pytest
from django.urls import reverse

from flows.playground.changes import SettingChange, SettingsState, changes_between
from flows.playground.models import Version
from flows.playground.versions import save_version
from foundryflow.accounts import give_role
from foundryflow.roles import Role
from tests.playground.session_factory import SETUP, make_session


def address(name, session, *more):
    return reverse(f"playground:{name}", args=[session.pk, *more])


def changed(session, **setup):
    """The session with other settings, stored."""
    session.setup = {**session.setup, **setup}
    session.save()
    return session


def notes(session):
    return list(session.versions.values_list("number", "note"))


# Keeping


def test_settings_are_kept_when_they_have_changed_and_only_then(alice):
    session = make_session(alice, draft="Why?")
    first = save_version(session, alice)
    assert (first.number, first.setup, first.columns, first.prompt, first.created_by) == (
        1, SETUP.to_json(), [{}], "Why?", alice,
    )  # fmt: skip
    assert save_version(session, alice) == first
    session.draft = "Another question"
    assert save_version(session, alice) == first
    session.setup = {**session.setup, "instructions": "Be brief."}
    assert save_version(session, alice, prompt="Asked").number == 2
    session.columns = [{}, {"model": "gpt-4o-mini"}]
    assert save_version(session, alice).number == 3
    assert list(session.versions.order_by("number").values_list("prompt", flat=True)) == [
        "Why?",
        "Asked",
        "Another question",
    ]


@pytest.mark.parametrize(
    ("before", "after", "another"),
    [
        ([{}], [{}, {}], True),
        ([{}, {}], [{}, {"instructions": ""}], True),
        ([{}, {"parameters": {"seed": 7}}], [{}, {"parameters": {"seed": None}}], True),
        ([{}, {"prompt": "a"}], [{}, {"prompt": "b"}], False),
        ([{}, {"prompt": ""}], [{}, {}], False),
    ],
)
def test_columns_count_but_for_their_prompts(alice, before, after, another):
    session = make_session(alice, columns=before)
    save_version(session, alice)
    session.columns = after
    assert (save_version(session, alice).number == 2) is another


def test_a_note_goes_to_the_newest_version_while_that_has_none(alice):
    session = make_session(alice)
    save_version(session, alice)
    assert save_version(session, alice, "good").number == 1
    assert save_version(session, alice, "good").number == 1
    assert save_version(session, alice, "for March").number == 2
    assert notes(session) == [(2, "for March"), (1, "good")]


# The list


def test_the_list_says_who_when_and_what_changed(client_alice, alice):
    session = make_session(alice)
    save_version(session, alice)
    changed(session, instructions="Be brief.", parameters={"temperature": 1})
    save_version(session, alice, "shorter")
    response = client_alice.get(address("versions", session))
    assert [(row.version.number, row.by, row.changed, row.current) for row in response.context["rows"]] == [
        (2, "Alice", ["Instructions", "Temperature", "Response format", "Stop"], True),
        (1, "Alice", ["Connection", "Deployment", "Instructions", "Example 1", "Temperature", "Response format", "Stop", "History"], False),
    ]  # fmt: skip
    page = response.content.decode()
    assert "shorter" in page
    assert "set now" in page


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_a_fixed_number_of_queries(client_alice, alice, django_assert_num_queries, count):
    session = make_session(alice)
    for number in range(count):
        save_version(changed(session, instructions=f"Version {number}"), alice)
    with django_assert_num_queries(6):  # session, user, playground session, count, versions, the one before
        client_alice.get(address("versions", session))


def test_a_version_is_saved_with_a_note(client_alice, alice):
    session = make_session(alice)
    response = client_alice.post(address("versions", session), {"note": " good for March "})
    assert response.url == address("versions", session)
    assert notes(session) == [(1, "good for March")]
    assert "good for March" in client_alice.get(response.url).content.decode()


@pytest.mark.parametrize(("note", "words"), [("", "Say in a few words"), ("x" * 201, "At most 200 characters.")])
def test_a_note_that_does_not_do_is_explained(client_alice, alice, note, words):
    session = make_session(alice)
    response = client_alice.post(address("versions", session), {"note": note})
    assert response.status_code == 422
    assert words in response.content.decode()
    assert notes(session) == []


def test_a_session_without_versions_says_when_the_first_is_kept(client_alice, alice):
    assert "No version yet." in client_alice.get(address("versions", make_session(alice))).content.decode()


# The difference


def test_a_version_is_compared_with_the_one_before_with_another_and_with_what_is_set(client_alice, alice):
    session = make_session(alice, draft="Why?")
    for model in ("gpt-4o-mini", "gpt-5.2", "gpt-5.2-codex"):
        save_version(changed(session, model=model), alice)
    changed(session, model="o9")
    seen = {
        against: client_alice.get(address("version", session, 3), {"against": against}).context["comparison"].changes
        for against in ("", "1", "current")
    }
    assert seen == {
        "": [SettingChange("Deployment", "gpt-5.2", "gpt-5.2-codex")],
        "1": [SettingChange("Deployment", "gpt-4o-mini", "gpt-5.2-codex")],
        "current": [SettingChange("Deployment", "o9", "gpt-5.2-codex")],
    }


def test_every_setting_has_its_line_in_the_difference():
    before = SettingsState(SETUP.to_json(), [{}, {"model": "b"}], "Why?")
    after = SettingsState(
        {**SETUP.to_json(), "instructions": "x", "examples": [], "parameters": {"temperature": 0.2, "seed": 7}, "history_messages": None},
        [{"model": "a"}, {"prompt": "", "parameters": {"seed": None}}, {}],
        "What?",
    )  # fmt: skip
    assert [(each.label, each.before, each.after) for each in changes_between(before, after)] == [
        ("Instructions", "You answer for Contoso.\nBe {{ tone }}.", "x"),
        ("Seed", "", "7"),
        ("History, messages", "20", ""),
        ("Prompt", "Why?", "What?"),
        ("Column A, deployment", "", "a"),
        ("Column B, prompt", "", "empty"),
        ("Column B, seed", "", "empty"),
        ("Column C", "", "compared"),
        ("Example 1, user", "Hi", ""),
        ("Example 1, assistant", "Hello", ""),
        ("Response format", '{\n  "type": "object",\n  "properties": {}\n}', ""),
        ("Stop", '[\n  "END"\n]', ""),
        ("Column B, deployment", "b", ""),
    ]
    assert changes_between(before, before) == []


def test_a_long_text_shows_what_differs_and_what_is_near():
    before, after = [str(number) for number in range(30)], [str(number) for number in range(30)]
    after[10] = "ten"
    shown = SettingChange("Instructions", "\n".join(before), "\n".join(after)).lines
    assert [line if isinstance(line, int) else f"{line.kind} {line.text}" for line in shown] == [
        7, "same 7", "same 8", "same 9", "removed 10", "added ten", "same 11", "same 12", "same 13", 16,
    ]  # fmt: skip


def test_what_was_typed_is_shown_as_text(client_alice, alice):
    session = make_session(alice)
    save_version(session, alice)
    save_version(
        changed(session, instructions="<script>alert(1)</script>\n" * 3, model="<b>x</b>"), alice, "<i>note</i>"
    )
    for page in (client_alice.get(address("version", session, 2)), client_alice.get(address("versions", session))):
        assert "<script>alert" not in page.content.decode()
        assert "<b>x" not in page.content.decode()
        assert "<i>note" not in page.content.decode()


@pytest.mark.parametrize(("number", "against"), [(7, ""), (1, "7"), (1, "99999999999999999999")])
def test_a_version_that_is_not_there_is_said(client_alice, alice, number, against):
    session = make_session(alice)
    save_version(session, alice)
    response = client_alice.get(address("version", session, number), {"against": against})
    assert response.status_code == (200 if len(against) > 9 else 404)


# Taking back


def test_a_version_is_restored_and_what_was_set_is_kept(client_alice, alice):
    session = make_session(alice)
    save_version(session, alice, prompt="Why?")
    changed(session, instructions="Not used yet.", model="o9")
    session.columns = [{}, {"model": "b"}]
    session.save()
    response = client_alice.post(address("restore", session, 1))
    assert response.url == address("versions", session)
    session.refresh_from_db()
    assert (session.setup, session.columns, session.draft) == (SETUP.to_json(), [{}], "Why?")
    assert notes(session) == [(3, "Version 1 restored"), (2, ""), (1, "")]
    assert Version.objects.get(number=2).setup["instructions"] == "Not used yet."


def test_restoring_leaves_what_is_being_typed(client_alice, alice):
    session = make_session(alice)
    save_version(session, alice, prompt="Why?")
    changed(session, model="o9")
    session.draft = "Half a thought"
    session.save()
    client_alice.post(address("restore", session, 1))
    session.refresh_from_db()
    assert (session.setup["model"], session.draft) == ("gpt-5.2", "Half a thought")


def test_restoring_what_is_set_changes_nothing(client_alice, alice):
    session = make_session(alice)
    save_version(session, alice)
    assert client_alice.post(address("restore", session, 1)).status_code == 302
    assert notes(session) == [(1, "")]


# Rights


def test_whoever_sees_a_session_sees_its_versions_and_changes_nothing(client_bob, alice, bob):
    give_role(bob, Role.EDITOR, by=None)
    session = make_session(alice)
    save_version(session, alice)
    changed(session, model="o9")
    looks = [address("versions", session), address("version", session, 1)]
    posts = [(address("versions", session), {"note": "x"}), (address("restore", session, 1), {})]
    assert {client_bob.get(look).status_code for look in looks} == {404}
    assert {client_bob.post(*post).status_code for post in posts} == {404}
    session.shared = True
    session.save()
    assert {client_bob.get(look).status_code for look in looks} == {200}
    assert {client_bob.post(*post).status_code for post in posts} == {403}
    assert "Restore</button>" not in client_bob.get(looks[1]).content.decode()
    assert "Save version" not in client_bob.get(looks[0]).content.decode()
    assert notes(session) == [(1, "")]


@pytest.mark.parametrize(
    ("name", "more", "method"), [("versions", [], "put"), ("version", [1], "post"), ("restore", [1], "get")]
)
def test_other_methods_are_refused(client_alice, alice, name, more, method):
    session = make_session(alice)
    assert getattr(client_alice, method)(address(name, session, *more)).status_code == 405
