"""The list of sessions: who sees which, how they are found, and what one does with one."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from flows.engine import deletion
from flows.models import Flow, Run, State
from flows.playground.models import Answer, Session, Turn, Version
from foundryflow.accounts import give_role
from foundryflow.roles import Role
from tests.markup import one_line
from tests.playground.session_factory import make_answer, make_full_session, make_run, make_session, make_turn

LIST = reverse("playground:sessions")


def names(response):
    return [row.session.name for row in response.context["rows"]]


def one_turn(session, prompt="Why?", text="Because.", **more):
    turn = make_turn(session, prompt, **more)
    make_answer(turn, text)
    return turn


# The list


def test_a_list_shows_ones_own_sessions_and_shared_ones_newest_first(client_alice, alice, bob):
    make_session(alice, "Mine")
    make_session(bob, "Private of Bob")
    one_turn(make_session(bob, "Shared by Bob", shared=True))
    response = client_alice.get(LIST)
    assert [(row.session.name, row.owner, row.turns, row.mine) for row in response.context["rows"]] == [
        ("Shared by Bob", "Bob", 1, False),
        ("Mine", "Alice", 0, True),
    ]
    assert "Private of Bob" not in response.content.decode()


@pytest.mark.parametrize(
    ("given", "found"),
    [({"show": "own"}, ["Mine, shared", "Mine"]), ({"show": "shared"}, ["Shared by Bob", "Mine, shared"]),
     ({"show": "nonsense"}, ["Shared by Bob", "Mine, shared", "Mine"]), ({"show": "own", "q": "shared"}, ["Mine, shared"])],
)  # fmt: skip
def test_filters_are_the_url(client_alice, alice, bob, given, found):
    make_session(alice, "Mine")
    make_session(alice, "Mine, shared", shared=True)
    make_session(bob, "Shared by Bob", shared=True)
    assert names(client_alice.get(LIST, given)) == found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("invoice", ["Invoice question"]),
        ("MARCH", ["Other"]),
        ("linked tenants", ["Invoice question"]),
        ("only column b", ["Columns"]),
        ("größe", ["Columns"]),
        ('say "x"', ["Columns"]),
        ("100%", ["Signs"]),
        ("a_b", ["Signs"]),
        ("\\", ["Signs"]),
        ("1", ["Signs"]),
        ("azb", []),
        ("nowhere", []),
        ("x" * 500, []),
    ],
)
def test_search_finds_words_in_names_prompts_and_answers(client_alice, alice, words, found):
    one_turn(make_session(alice, "Invoice question"), "Hello", "Open Linked Tenants first.")
    one_turn(make_session(alice, "Other"), "What about March?", "azzb")
    one_turn(make_session(alice, "Columns"), prompts={"1": 'Only column B: Größe, say "x"'})
    one_turn(make_session(alice, "Signs"), "Is 100% a_b \\ enough?")
    assert names(client_alice.get(LIST, {"q": words})) == found


def test_search_shows_where_the_words_are(client_alice, alice):
    one_turn(make_session(alice), text=f"{'before ' * 40}the Needle is here {'after ' * 40}")
    row = client_alice.get(LIST, {"q": "needle"}).context["rows"][0]
    assert "the Needle is here" in row.excerpt
    assert len(row.excerpt) < 200


def test_search_finds_nothing_in_private_sessions_of_others(client_alice, bob):
    one_turn(make_session(bob, "Private"), "a secret plan")
    assert names(client_alice.get(LIST, {"q": "secret plan"})) == []


@pytest.mark.parametrize("given", [{}, {"q": "Because"}])
@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_a_fixed_number_of_queries(client_alice, alice, django_assert_num_queries, count, given):
    for number in range(count):
        for _ in range(number + 1):
            one_turn(make_session(alice, f"Session {number}"))
    with django_assert_num_queries(5):  # session, user, count, sessions, turns
        client_alice.get(LIST, given)


def test_the_list_is_paged(client_alice, alice):
    Session.objects.bulk_create(Session(name=f"Session {number}", owner=alice) for number in range(60))
    assert len(names(client_alice.get(LIST))) == 50
    second = client_alice.get(LIST, {"page": 2, "show": "own"})
    assert len(names(second)) == 10
    assert "?page=1&amp;show=own" in second.content.decode()


def test_an_empty_list_says_what_a_session_is(client_alice):
    assert "No session yet." in client_alice.get(LIST).content.decode()
    assert "No session matches." in client_alice.get(LIST, {"q": "x"}).content.decode()


def test_names_are_shown_as_text(client_alice, alice):
    one_turn(make_session(alice, "<b>bold</b>"), text="needle <i>x</i>")
    page = client_alice.get(LIST, {"q": "needle"}).content.decode()
    assert "&lt;b&gt;bold" in page
    assert "<b>bold" not in page
    assert "<i>x" not in page


def test_only_editors_are_offered_a_new_session(client_alice, client_bob):
    assert reverse("playground:new") in client_alice.get(LIST).content.decode()
    assert reverse("playground:new") not in client_bob.get(LIST).content.decode()


# Rename and share


def test_a_session_is_renamed(client_alice, alice):
    session = make_session(alice)
    address = reverse("playground:rename", args=[session.pk])
    assert "Invoice question" in client_alice.get(address, {"next": LIST}).content.decode()
    response = client_alice.post(address, {"name": "  Better  ", "next": f"{LIST}?show=own"})
    assert response.url == f"{LIST}?show=own"
    session.refresh_from_db()
    assert session.name == "Better"


@pytest.mark.parametrize(
    ("name", "words"), [("", "A session needs a name."), (" ", "needs a name"), ("x" * 201, "At most 200")]
)
def test_a_name_that_does_not_do_is_explained(client_alice, alice, name, words):
    session = make_session(alice)
    response = client_alice.post(reverse("playground:rename", args=[session.pk]), {"name": name})
    assert response.status_code == 422
    assert words in response.content.decode()
    session.refresh_from_db()
    assert session.name == "Invoice question"


@pytest.mark.parametrize("wanted", ["", "https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_nobody_is_led_elsewhere(client_alice, alice, wanted):
    session = make_session(alice)
    response = client_alice.post(reverse("playground:rename", args=[session.pk]), {"name": "x", "next": wanted})
    assert response.url == reverse("playground:show", args=[session.pk])


def test_a_session_is_shared_and_private_again(client_alice, client_bob, alice):
    session = make_session(alice)
    address = reverse("playground:share", args=[session.pk])
    assert names(client_bob.get(LIST)) == []
    client_alice.post(address, {"shared": "1"})
    assert names(client_bob.get(LIST)) == ["Invoice question"]
    client_alice.post(address, {"shared": "0"})
    assert names(client_bob.get(LIST)) == []


# Fork


def test_a_fork_has_everything_but_the_runs(client_bob, alice, bob):
    origin = make_full_session(alice)
    run = make_run(origin, Answer.objects.get(turn__session=origin, text="Half"))
    Session.objects.filter(pk=origin.pk).update(shared=True)
    assert client_bob.post(reverse("playground:fork", args=[origin.pk])).status_code == 403  # a reader's
    give_role(bob, Role.EDITOR, by=None)
    response = client_bob.post(reverse("playground:fork", args=[origin.pk]))
    fork = Session.objects.exclude(pk=origin.pk).get()
    assert response.url == reverse("playground:show", args=[fork.pk])
    assert (fork.name, fork.owner, fork.shared, fork.origin, fork.flow) == (
        "Invoice question (fork)",
        bob,
        False,
        origin,
        None,
    )
    for name in ("setup", "columns", "comparing", "variables", "draft"):
        assert getattr(fork, name) == getattr(origin, name)
    assert shape(fork) == shape(origin)
    assert fork.head.prompt == "What now?"
    assert not Answer.objects.filter(turn__session=fork).exclude(run=None).exists()
    assert Answer.objects.get(run=run).turn.session == origin


def shape(session):
    """The tree with its texts, without ids."""
    return [
        (turn.prompt, turn.prompts, turn.images, turn.variables, turn.parent and turn.parent.prompt,
         list(turn.answers.values_list("column", "number", "chosen", "winner", "edited", "state", "text", "html", "facts", "usage", "warning", "error", "setup")))
        for turn in session.turns.all()
    ]  # fmt: skip


def test_a_call_that_ended_unseen_is_in_the_fork_and_one_that_goes_on_counts_as_stopped(client_alice, alice):
    session = make_session(alice)
    turn = make_turn(session)
    make_run(session, make_answer(turn, "", state=State.QUEUED))
    make_run(session, make_answer(turn, "", column=1, state=State.QUEUED), state=State.RUNNING)
    client_alice.post(reverse("playground:fork", args=[session.pk]))
    forked = Answer.objects.filter(turn__session__origin=session)
    assert list(forked.values_list("state", "text")) == [("succeeded", "From the run."), ("cancelled", "")]
    assert list(turn.answers.values_list("state", flat=True)) == ["succeeded", "queued"]


def test_a_fork_of_a_fork_keeps_a_short_name(client_alice, alice):
    session = make_session(alice, "x" * 200)
    for _ in range(2):
        client_alice.post(reverse("playground:fork", args=[session.pk]))
        session = Session.objects.order_by("pk").last()
    assert session.name == "x" * 193 + " (fork)"


def test_a_long_conversation_is_forked_as_one_branch(client_alice, alice):
    session = make_session(alice)
    turn = None
    for number in range(250):
        turn = make_turn(session, f"Question {number}", turn)
    client_alice.post(reverse("playground:fork", args=[session.pk]))
    asked = list(Turn.objects.filter(session__origin=session).select_related("parent"))
    assert [each.prompt for each in asked] == [f"Question {number}" for number in range(250)]
    assert [each.parent for each in asked] == [None, *asked[:-1]]


# Delete


def test_delete_asks_first(client_alice, alice):
    session = make_session(alice)
    one_turn(session)
    for ask in (client_alice.get, client_alice.post):
        response = ask(reverse("playground:delete", args=[session.pk]))
        assert response.status_code == 200
        assert "Its 1 turn, their answers, runs and versions go with it." in response.content.decode()
    assert Session.objects.exists()


def test_a_session_is_deleted_with_its_hidden_flow_and_runs_but_not_its_forks(client_alice, alice):
    session = make_full_session(alice)
    run = make_run(session, Answer.objects.get(turn__session=session, text="Half"))
    client_alice.post(reverse("playground:fork", args=[session.pk]))
    response = client_alice.post(reverse("playground:delete", args=[session.pk]), {"sure": "1"})
    assert response.url == LIST
    assert [each.name for each in Session.objects.all()] == ["Invoice question (fork)"]
    assert Turn.objects.count() == 3
    assert not Run.objects.visible_to(alice).exists()
    deletion.delete_all()
    assert not Flow.objects.exists()
    assert not Run.objects.filter(pk=run.pk).exists()
    assert not Version.objects.exists()


def test_a_session_is_not_deleted_while_a_call_is_going(client_alice, alice):
    session = make_session(alice)
    run = make_run(session, make_answer(make_turn(session), "", state=State.QUEUED), state=State.RUNNING)
    address = reverse("playground:delete", args=[session.pk])
    response = client_alice.post(address, {"sure": "1"})
    assert response.status_code == 409
    assert "1 call of this session is still going." in one_line(response.content.decode())
    run.kill()
    assert client_alice.post(address, {"sure": "1"}).status_code == 302
    assert not Session.objects.exists()


# Rights

OWNED = ["rename", "share", "delete"]
SEEN = ["fork", "export"]


@pytest.mark.parametrize("name", [*OWNED, *SEEN])
def test_a_private_session_of_somebody_else_is_not_there(client_bob, alice, bob, name):
    give_role(bob, Role.EDITOR, by=None)
    session = make_session(alice)
    address = reverse(f"playground:{name}", args=[session.pk])
    for ask in (client_bob.get, client_bob.post):
        assert ask(address, {"name": "x", "shared": "1", "sure": "1"}).status_code in (404, 405)
    assert list(Session.objects.values_list("name", "shared")) == [("Invoice question", False)]


@pytest.mark.parametrize("name", OWNED)
def test_a_shared_session_of_somebody_else_is_not_changed(client_bob, alice, name):
    session = make_session(alice, shared=True)
    response = client_bob.post(reverse(f"playground:{name}", args=[session.pk]), {"name": "x", "sure": "1"})
    assert response.status_code == 403
    assert list(Session.objects.values_list("name", "shared")) == [("Invoice question", True)]


@pytest.mark.parametrize(
    ("name", "method"), [("share", "get"), ("fork", "get"), ("export", "post"), ("rename", "put"), ("delete", "put")]
)
def test_other_methods_are_refused(client_alice, alice, name, method):
    session = make_session(alice)
    assert getattr(client_alice, method)(reverse(f"playground:{name}", args=[session.pk])).status_code == 405


def test_a_stranger_logs_in():
    assert Client().get(LIST).url.startswith("/login/")


def test_menus_offer_what_one_may_do(client_bob, client_alice, client, alice, person):
    session = make_session(alice, shared=True)
    client.force_login(person(Role.EDITOR))
    offers = ((client_alice, [*OWNED, *SEEN]), (client, SEEN), (client_bob, [name for name in SEEN if name != "fork"]))
    for client, offered in offers:
        page = client.get(LIST).content.decode()
        assert [name for name in (*OWNED, *SEEN) if reverse(f"playground:{name}", args=[session.pk]) in page] == offered
