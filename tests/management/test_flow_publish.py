"""`flow publish`, and what other verbs say of drafts and published revisions."""

import json

import pytest
from django.core.management import CommandError, call_command

from flows.models import Flow, Publication
from foundryflow.models import AuditEntry
from tests.factories import make_flow

pytestmark = pytest.mark.django_db


def flow_of(name, message="fine"):
    log = {"id": "log", "type": "log", "title": "Say", "properties": {"message": message}}
    return make_flow({"format": "foundryflow/1", "name": name, "actions": [log]})


def edit(flow, message):
    document = flow.current.parsed().with_properties("log", {"message": message})
    return flow.commit(document, by=None, base=flow.current.number)


def published(slug):
    found = Flow.objects.get(slug=slug).published
    return found.number if found else None


def test_the_draft_is_published_with_a_note_and_an_earlier_one_again(capsys):
    flow = flow_of("A")
    call_command("flow", "publish", "a", "--note", "First one")
    edit(flow, "better")
    call_command("flow", "publish", "a")
    call_command("flow", "publish", "a", "--revision", "r1")
    assert capsys.readouterr().out.splitlines() == [
        "a r1 is published", "a r2 is published, instead of r1", "a r1 is published, instead of r2",
    ]  # fmt: skip
    assert published("a") == 1
    assert Publication.objects.last().note == "First one"
    assert AuditEntry.objects.filter(verb="published", subject="A").count() == 3


def test_all_that_is_not_published_is_published_at_once(capsys):
    flow_of("A")
    call_command("flow", "publish", "--all")
    edit(Flow.objects.get(slug="a"), "better")
    flow_of("B")
    flow_of("C")
    call_command("flow", "publish", "c")
    capsys.readouterr()
    call_command("flow", "publish", "--all")
    assert capsys.readouterr().out.splitlines() == ["a r2 is published, instead of r1", "b r1 is published"]
    call_command("flow", "publish", "--all")
    assert capsys.readouterr().out.strip() == "Every flow is published as it is."


def test_configuration_errors_of_one_keep_all_of_them_back():
    flow_of("A")
    flow_of("B", "{{ gone }}")
    with pytest.raises(CommandError) as caught:
        call_command("flow", "publish", "a", "b")
    assert "Nothing was published." in str(caught.value)
    assert "b: error: log.message: `gone` is not a variable here." in str(caught.value)
    assert (published("a"), published("b")) == (None, None)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Say which flows, or --all."),
        (("a", "--all"), "Say which flows, or --all."),
        (("a", "b", "--revision", "1"), "--revision is of one flow."),
        (("a", "--revision", "9"), "a has no revision 9. Its draft is r1."),
        (("a", "--revision", "x"), "a has no revision x."),
        (("nothing",), "There is no flow 'nothing'."),
    ],
)
def test_what_cannot_be_published_is_a_sentence(arguments, sentence):
    flow_of("A")
    flow_of("B")
    with pytest.raises(CommandError) as caught:
        call_command("flow", "publish", *arguments)
    assert sentence in str(caught.value)


def test_what_is_published_already_says_so():
    flow_of("A")
    call_command("flow", "publish", "a")
    with pytest.raises(CommandError, match="a: r1 is published already"):
        call_command("flow", "publish", "a")


def test_the_list_says_what_is_published(capsys):
    flow = flow_of("A")
    call_command("flow", "list")
    call_command("flow", "publish", "a")
    edit(flow, "better")
    call_command("flow", "list")
    assert capsys.readouterr().out.splitlines() == [
        "a  r1  A  (never published)", "a r1 is published", "a  r2  A  (r1 is published)",
    ]  # fmt: skip
    call_command("flow", "list", "--json")
    assert json.loads(capsys.readouterr().out) == [{"slug": "a", "name": "A", "revision": 2, "published": 1}]


def test_the_published_revision_is_exported_when_asked_for(tmp_path, capsys):
    flow = flow_of("A")
    call_command("flow", "publish", "a")
    edit(flow, "better")
    flow_of("B")
    capsys.readouterr()
    for revision, message in (("draft", "better"), ("published", "fine"), ("1", "fine")):
        call_command("flow", "export", "a", "--revision", revision)
        assert json.loads(capsys.readouterr().out)["actions"][0]["properties"]["message"] == message
    call_command("flow", "export", "--all", str(tmp_path), "--revision", "published")
    assert "1 written to" in (said := capsys.readouterr().out)
    assert "1 never published" in said
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]
    with pytest.raises(CommandError, match="--revision is draft or published with --all"):
        call_command("flow", "export", "--all", str(tmp_path), "--revision", "1")
    with pytest.raises(CommandError, match="b has no revision published"):
        call_command("flow", "export", "b", "--revision", "published")
