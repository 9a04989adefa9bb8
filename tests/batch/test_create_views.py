"""From a session and a table to a batch."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from flows.batch.models import Batch, Cell
from flows.models import Flow, Run
from flows.playground.models import Session, Turn
from tests.factories import make_connection
from tests.markup import one_line

pytestmark = pytest.mark.django_db

TABLE = "question,expected\nWhy?,because\nWho?,me\n"
CHECK = ("kind", "value", "column", "ignore_case", "minimum", "maximum", "connection", "model", "rubric")


def address(session, verb="new"):
    return f"{reverse(f'batch:{verb}')}?session={session.pk}"


def posted(**changed):
    return {
        "variant": ["0", "1"], "prompt": "Answer: {{ question }}", "name": "Questions", "table": TABLE,
        "concurrency": "20", **changed,
    }  # fmt: skip


def with_checks(*rows):
    return {f"check-{name}": [str(row.get(name, "")) for row in rows] for name in CHECK}


def problems(response):
    assert response.status_code == 422
    return response.context["problems"]


def test_the_page_offers_what_the_session_has(client_alice, session, ready):
    page = client_alice.get(address(session))
    draft = page.context["form"]
    assert [(column.letter, column.setup.model, column.chosen) for column in draft.columns] == [
        ("A", "fast", True), ("B", "fast-long-3", True),
    ]  # fmt: skip
    assert (draft.name, draft.prompt, draft.concurrency) == ("Questions", "Answer: {{ question }}", "20")
    assert "Answer: {{ question }}" in page.content.decode()


def test_the_newest_prompt_is_taken_where_none_is_being_typed(client_alice, session, ready):
    turn = Turn.objects.create(session=session, prompt="Asked {{ x }}", prompts={"1": "Own {{ y }}"})
    Session.objects.filter(pk=session.pk).update(draft="", head=turn)
    draft = client_alice.get(address(session)).context["form"]
    assert (draft.prompt, [column.own_prompt for column in draft.columns]) == ("Asked {{ x }}", [None, "Own {{ y }}"])


def test_calls_at_the_same_time_are_what_the_connections_allow(client_alice, session, ready):
    ready.max_calls = 7
    ready.save()
    other = make_connection("other")
    assert client_alice.get(address(session)).context["form"].concurrency == "7"
    session.columns = [{}, {"connection": other.name}]
    session.save()
    assert client_alice.get(address(session)).context["form"].concurrency == "27"


def test_a_typed_table_becomes_a_batch(client_alice, session, ready):
    response = client_alice.post(address(session), posted())
    batch = Batch.objects.get()
    assert response.url == reverse("batch:show", args=[batch.pk])
    assert (batch.columns, batch.concurrency, batch.session) == (["question", "expected"], 20, session)
    assert [row.variables for row in batch.rows.all()] == [
        {"question": "Why?", "expected": "because"}, {"question": "Who?", "expected": "me"},
    ]  # fmt: skip
    assert (Cell.objects.count(), Run.objects.count()) == (4, 4)


def test_a_file_goes_before_what_is_typed(client_alice, session, ready):
    file = SimpleUploadedFile("rows.jsonl", b'{"question": "Why?", "people": ["Ada"]}\n')
    client_alice.post(address(session), posted(file=file))
    assert Batch.objects.get().rows.get().variables == {"question": "Why?", "people": ["Ada"]}


def test_with_htmx_the_browser_is_sent_on(client_alice, session, ready):
    response = client_alice.post(address(session), posted(), headers={"HX-Request": "true"})
    assert response.headers["HX-Redirect"] == reverse("batch:show", args=[Batch.objects.get().pk])


def test_with_htmx_only_what_is_wrong_is_renewed_so_that_the_file_stays(client_alice, session, ready):
    response = client_alice.post(address(session), posted(name=""), headers={"HX-Request": "true"})
    assert response.status_code == 422
    assert 'hx-target="#batch-problems"' in response.content.decode()
    assert "The batch has no name. Give it one." in response.content.decode()


def test_each_variant_can_be_left_out_and_have_its_own_prompt(client_alice, session, ready):
    session.columns = [{}, {"model": "fast-long-3", "prompt": "Mine: {{ question }}"}]
    session.save()
    client_alice.post(address(session), posted(variant=["1"], **{"prompt-1": "Changed: {{ question }}"}))
    (variant,) = Batch.objects.get().variants
    assert (variant["setup"]["model"], variant["prompt"]) == ("fast-long-3", "Changed: {{ question }}")


def test_checks_are_kept_as_they_are_read(client_alice, session, ready):
    rows = [
        {"kind": "contains", "value": "x", "ignore_case": "1"},
        {"kind": "equals", "column": "expected", "ignore_case": "0"},
        {"kind": "length", "minimum": "1", "maximum": "1,000"},
        {
            "kind": "judge",
            "connection": "simulator",
            "model": "json",
            "rubric": "Says {{ expected }}.",
            "value": "left over",
        },
    ]
    client_alice.post(address(session), posted(**with_checks(*rows)))
    batch = Batch.objects.get()
    assert batch.checks == [
        {"kind": "contains", "value": "x", "ignore_case": True},
        {"kind": "equals", "column": "expected"},
        {"kind": "length", "minimum": 1, "maximum": 1000},
        {"kind": "judge", "connection": "simulator", "model": "json", "rubric": "Says {{ expected }}."},
    ]
    assert "judge-3" in [action.id for action in batch.flow.revisions.get(number=1).parsed().actions]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"name": " "}, "The batch has no name. Give it one."),
        ({"variant": []}, "No model is chosen. Choose at least one."),
        ({"prompt": " "}, "A: The prompt is empty. Type one."),
        ({"table": ""}, "There is no table yet. Choose a file, or type one."),
        ({"table": "question\n"}, "The table has no rows below its header. Add at least one."),
        ({"table": "answer\nx\n"}, "The variable question has no column, and no value in the session. Add a column question."),
        ({"concurrency": "0"}, "Calls at the same time are a whole number from 1 to 200."),
        ({"concurrency": "201"}, "Calls at the same time are a whole number from 1 to 200."),
        ({"concurrency": "many"}, "Calls at the same time are a whole number from 1 to 200."),
        (with_checks({"kind": "regex", "value": "("}), "Check 1:"),
        (with_checks({"kind": "contains", "column": "nowhere"}), "Check 1: the table has no column nowhere."),
        (with_checks({"kind": "length", "minimum": "few"}), "Check 1: a limit of the length is not a whole number"),
        (with_checks({"kind": "judge", "rubric": "{{ who }}", "model": "m", "connection": "simulator"}),
         "The variable who has no column"),
        (with_checks({"kind": "judge", "rubric": "Good.", "model": "m"}), "Check 1: the judge has no connection. Choose one."),
        (with_checks({"kind": "judge", "rubric": "{{", "connection": "simulator"}), "Check 1: the judge has no deployment."),
        (with_checks({"kind": "sings"}), "Check 1: its kind is not known."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_begins(client_alice, session, ready, changed, problem):
    found = problems(client_alice.post(address(session), posted(**changed)))
    assert any(problem in each for each in found), found
    assert not Flow.objects.exists()


def test_a_session_without_connection_or_with_a_broken_template_does_not_begin(client_alice, session, db):
    session.setup = {**session.setup, "instructions": "{{ tone"}
    session.save()
    found = problems(client_alice.post(address(session), posted(variant=["0"])))
    assert "A: There is no connection simulator. Choose one in the session." in found
    assert any("A template cannot be read" in each for each in found)


def test_what_was_typed_is_still_there(client_alice, session, ready):
    response = client_alice.post(
        address(session), posted(name="", **with_checks({"kind": "contains", "value": "kept value"}))
    )
    page = response.content.decode()
    assert "kept value" in page
    assert "because" in page


def test_the_preview_shows_first_rows_and_where_variables_come_from(client_alice, session, ready):
    page = client_alice.post(address(session, "preview"), posted(prompt="{{ question }} {{ who }}"))
    shown = one_line(page.content.decode())
    assert 'hx-target="#batch-preview"' in shown
    for words in (
        "<b>2 rows</b>, 4 answers to come.",
        "Why?",
        "from the session: brief",
        "No prompt uses expected; checks may",
    ):
        assert words in shown
    assert "has no column and no value in the session" in shown


def test_the_preview_says_what_is_wrong_with_a_table(client_alice, session, ready):
    shown = client_alice.post(address(session, "preview"), posted(table="a,a\n1,2\n")).content.decode()
    assert "The table cannot be read." in shown
    assert "Columns 1 and 2 are both the variable a." in shown


def test_markup_in_a_table_stays_text(client_alice, session, ready):
    shown = client_alice.post(address(session, "preview"), posted(table="question\n<img src=x onerror=alert(1)>\n"))
    assert "<img" not in shown.content.decode()


def test_without_a_session_there_is_nothing_to_make(client_alice, session):
    assert client_alice.get(reverse("batch:new")).url == reverse("batch:list")
    assert client_alice.get(f"{reverse('batch:new')}?session=999999").status_code == 404


def test_a_session_that_is_not_shared_is_nobody_elses(client_alice, session, django_user_model):
    editor = django_user_model.objects.create_user("eve", password="x", is_staff=True)
    client = Client()
    client.force_login(editor)
    assert client.get(address(session)).status_code == 404
    session.shared = True
    session.save()
    make_connection("simulator")
    assert client.post(address(session), posted()).status_code == 302
    assert Batch.objects.get().owner == editor


def test_readers_make_nothing(client_bob, session):
    session.shared = True
    session.save()
    for verb in ("new", "preview"):
        assert client_bob.post(address(session, verb), posted()).status_code == 403
    assert client_bob.get(address(session)).status_code == 403


def test_the_preview_is_asked_for_by_post(client_alice, session):
    assert client_alice.get(address(session, "preview")).status_code == 405
