"""The page of the audit log: sentences with links, filters, older ones, one entry in full, a file."""

import csv
import json
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.urls import reverse
from django.utils import timezone

from foundryflow.audit import search
from foundryflow.audit.record import COMMAND, Origin, Repeats, Subject, record
from foundryflow.audit.retention import record_erasure
from foundryflow.models import AuditEntry
from foundryflow.models.audit_entry import Via
from foundryflow.roles import Role
from tests.factories import make_connection, make_flow
from tests.markup import one_line
from tests.playground.session_factory import make_session

pytestmark = pytest.mark.django_db
LIST = "/audit-log/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def entries(alice, bob):
    """One of each way."""
    record_erasure(1_204, "runs", 90)
    record(COMMAND, "imported", Subject("flow", "Answer a customer"), "from a file")
    record(
        Origin(Via.API, bob, "API · nightly", "10.20.7.2", "key ffk_3_…"), "started", Subject("run", "run 4190", 4190)
    )
    record(Origin(Via.BROWSER, alice, "Alice", "10.20.4.17"), "changed", Subject("connection", "contoso-ai"), ": name")
    record(Origin(Via.BROWSER, bob, "Bob", "10.20.4.33"), "tried to open", Subject("page", "/people/"), refused=True)
    record(
        Origin(Via.API, bob, "API · portal", "203.0.113.9"),
        "tried to start",
        Subject("flow", "Summarise"),
        refused=True,
    )


def shown(client, **params):
    response = client.get(LIST, params)
    assert response.status_code == 200
    return response


def who(response):
    return [row.who for row in response.context["rows"]]


def test_the_newest_come_first_as_sentences(client_alice, entries):
    response = shown(client_alice)
    assert who(response) == ["API · portal", "Bob", "Alice", "API · nightly", COMMAND.actor, "System"]
    page = one_line(response.content.decode())
    assert "<bdi>contoso-ai</bdi></span><bdi>: name</bdi>" in page
    assert "key ffk_3_… · 10.20.7.2" in page
    assert page.count("Refused</span>") == 2 + page.count('title="Refused"')
    assert "6 entries · kept for 365 days" in page


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"who": "command"}, [COMMAND.actor]),
        ({"who": "api"}, ["API · portal", "API · nightly"]),
        ({"who": "server"}, ["System"]),
        ({"what": "connection"}, ["Alice"]),
        ({"what": "flow", "outcome": "done"}, [COMMAND.actor]),
        ({"outcome": "refused"}, ["API · portal", "Bob"]),
        ({"outcome": "refused", "who": "api"}, ["API · portal"]),
        ({"outcome": "done", "who": "api"}, ["API · nightly"]),
        ({"period": "today", "outcome": "refused", "what": "page"}, ["Bob"]),
        ({"q": "contoso"}, ["Alice"]),
        ({"q": "nightly 4190"}, ["API · nightly"]),
        ({"q": "10.20."}, ["Bob", "Alice", "API · nightly"]),
        ({"q": "ffk_3"}, ["API · nightly"]),
        ({"q": "NIGHTLY"}, ["API · nightly"]),
        ({"q": "tried to"}, ["API · portal", "Bob"]),
        ({"q": "no such thing"}, []),
        ({"to": "2001-01-01"}, []),
    ],
)
def test_filters_and_search(client_alice, entries, params, expected):
    assert who(shown(client_alice, **params)) == expected


def test_a_persons_changes_have_an_address(client_alice, entries, bob):
    response = shown(client_alice, who=bob.pk)
    assert who(response) == ["API · portal", "Bob", "API · nightly"]
    assert "Who: Bob" in one_line(response.content.decode())


@pytest.mark.parametrize(
    "params",
    [
        {"who": "x", "what": "\x01", "outcome": "odd", "period": "9", "from": "2027-13-01", "to": "no", "before": "x"},
        {"who": "9" * 30, "before": "9" * 16 + "-" + "9" * 18},
        {"from": "0001-01-01", "to": "9999-12-31", "q": "%" * 500},
        {"before": "-", "what": "'; DROP TABLE"},
    ],
)
def test_an_address_that_makes_no_sense_breaks_nothing(client_alice, entries, params):
    shown(client_alice, **params)


def test_only_administrators_read_it(client_bob, client, person, entries):
    entry = AuditEntry.objects.first()
    addresses = [LIST, f"{LIST}csv/", f"{LIST}{entry.pk}/"]
    assert [client_bob.get(address).status_code for address in addresses] == [403] * 3
    client.force_login(person(Role.EDITOR))
    assert [client.get(address).status_code for address in addresses] == [403] * 3


def test_nothing_changes_or_deletes_an_entry(client_alice, entries):
    entry = AuditEntry.objects.last()
    for address in (LIST, f"{LIST}csv/", f"{LIST}{entry.pk}/"):
        for method in (client_alice.post, client_alice.put, client_alice.delete, client_alice.patch):
            assert method(address).status_code == 405


def test_things_that_are_there_are_links_and_others_words(client_alice, alice):
    flow, connection = make_flow(by=alice), make_connection()
    private, shared = make_session(alice, "Secret plan"), make_session(alice, "Open plan", shared=True)
    origin = Origin(Via.BROWSER, alice, "Alice")
    things = (("flow", flow), ("connection", connection), ("session", private), ("session", shared))
    for kind, thing in things:
        record(origin, "changed", Subject(kind, f"{kind} {thing.pk}", thing.pk))
        record(origin, "deleted", Subject(kind, f"gone {kind}", 999_999))
    addresses = {(row.entry.kind, row.entry.subject_id): row.address for row in shown(client_alice).context["rows"]}
    assert addresses[("flow", flow.pk)] == flow.get_absolute_url()
    assert addresses[("connection", connection.pk)] == reverse("connections:edit", args=[connection.pk])
    assert addresses[("session", shared.pk)] == reverse("playground:show", args=[shared.pk])
    assert [addresses[("session", private.pk)], addresses[("flow", 999_999)]] == ["", ""]


def test_older_ones_follow_without_a_gap(client_alice, monkeypatch):
    monkeypatch.setattr(search.AuditFilters.page, "__defaults__", (None, 4))
    at = timezone.now()
    for number in range(10):
        record(COMMAND, "imported", Subject("flow", f"{number}"))
    AuditEntry.objects.update(at=at)  # at the same moment: the number decides
    seen, address = [], LIST
    while address:
        response = client_alice.get(address)
        seen += [row.entry.subject for row in response.context["rows"]]
        older = response.context["older"]
        address = f"{LIST}{older}" if older else ""
    assert seen == [str(number) for number in range(9, -1, -1)]
    assert "1 to 4 of 10 entries" in one_line(client_alice.get(LIST).content.decode())


def test_a_search_that_looked_through_many_says_so_and_goes_on(client_alice, monkeypatch):
    monkeypatch.setattr(search, "MOST_READ", 4)
    monkeypatch.setattr(search, "AT_ONCE", 2)
    record(COMMAND, "imported", Subject("flow", "needle"))
    for number in range(6):
        record(COMMAND, "imported", Subject("flow", f"hay {number}"))
    response = shown(client_alice, q="needle")
    assert "None among the" in one_line(response.content.decode())
    further = client_alice.get(f"{LIST}{response.context['older']}")
    assert [row.entry.subject for row in further.context["rows"]] == ["needle"]
    assert further.context["older"] == ""


def test_htmx_gets_the_regions_that_filters_change(client_alice, entries):
    body = client_alice.get(LIST, {"outcome": "refused"}, headers=HTMX).content.decode()
    assert [f'hx-target="#{id}"' in body for id in ("audit-filters", "audit-actions", "audit-found")] == [True] * 3
    assert "csv/?outcome=refused" in body


def test_a_row_opens_to_its_json_in_place_or_as_a_page(client_alice, entries):
    entry = AuditEntry.objects.get(subject="contoso-ai")
    opened = client_alice.get(f"{LIST}{entry.pk}/", headers=HTMX).content.decode()
    assert f'hx-target="#entry-{entry.pk}"' in opened
    assert 'aria-expanded="true"' in opened
    assert "&quot;verb&quot;: &quot;changed&quot;" in opened
    closed = client_alice.get(f"{LIST}{entry.pk}/?closed", headers=HTMX).content.decode()
    assert "<pre" not in closed
    page = client_alice.get(f"{LIST}{entry.pk}/")
    assert json.loads(page.context["json"])["address"] == "10.20.4.17"
    assert client_alice.get(f"{LIST}999999/").status_code == 404


def test_hostile_names_are_shown_as_text(client_alice, alice):
    name = "<script>alert(1)</script>\u202e{{ x }}"
    record(Origin(Via.BROWSER, alice, name), "changed", Subject("flow", name * 20), name, data={name: name})
    entry = AuditEntry.objects.get()
    for address in (LIST, f"{LIST}{entry.pk}/"):
        page = client_alice.get(address).content.decode()
        assert "<script>alert" not in page
        assert "\u202e" not in page


def lines_of(response):
    async def read():
        return b"".join([piece async for piece in response.streaming_content])

    return list(csv.DictReader(async_to_sync(read)().decode().removeprefix("\ufeff").splitlines()))


def test_the_file_has_what_is_filtered_and_no_formula(client_alice, entries, alice):
    record(Origin(Via.BROWSER, alice, "=HYPERLINK(1)"), "changed", Subject("flow", "@SUM(1)"), "+1", data={"a": 1})
    lines = lines_of(client_alice.get(f"{LIST}csv/", {"what": "flow", "outcome": "done"}))
    assert [line["What"] for line in lines] == ["'@SUM(1)", "Answer a customer"]
    assert (lines[0]["Who"], lines[0]["Detail"], lines[0]["Data"]) == ("'=HYPERLINK(1)", "'+1", '{"a": 1}')
    assert not any(value.startswith(("=", "+", "@", "-")) for line in lines for value in line.values())
    assert AuditEntry.objects.first().subject == "the audit log"


def test_the_file_is_read_in_portions(client_alice, monkeypatch):
    from foundryflow.audit import csv_export

    monkeypatch.setattr(csv_export, "AT_ONCE", 3)
    for number in range(10):
        record(COMMAND, "imported", Subject("flow", f"{number}"))
    lines = lines_of(client_alice.get(f"{LIST}csv/"))
    assert [line["What"] for line in lines] == ["the audit log", *(str(number) for number in range(9, -1, -1))]


def test_the_tab_of_a_connection_has_the_same_rows(client_alice, person, client):
    connection, other = make_connection(), make_connection("other")
    for each in (connection, other):
        record(COMMAND, "created", Subject("connection", each.name, each.pk), "as Foundry v1")
    address = reverse("connections:audit", args=[connection.pk])
    page = one_line(client_alice.get(address).content.decode())
    assert "as Foundry v1" in page
    assert page.count('class="audit-entry"') == 1
    assert 'class="audit-open"' in page
    client.force_login(person(Role.EDITOR))  # who may not open an entry
    assert 'class="audit-open"' not in client.get(address).content.decode()


def test_a_day_is_counted_together_until_it_is_old(client_alice, alice):
    origin = Origin(Via.BROWSER, alice, "Alice")
    for _ in range(3):
        record(
            origin,
            "used the key of",
            Subject("connection", "contoso"),
            "in the playground",
            repeats=Repeats(counted="calls"),
        )
    assert "in the playground</bdi>, 3 calls" in one_line(shown(client_alice).content.decode())


def test_times_of_other_days_have_their_day(client_alice, entries):
    AuditEntry.objects.filter(actor="Alice").update(at=timezone.now() - timedelta(days=800))
    [row] = [row for row in shown(client_alice).context["rows"] if row.who == "Alice"]
    assert str(row.entry.at.year) in row.when
    assert who(shown(client_alice, period="30d")).count("Alice") == 0
