"""`flow export --all DIR` and `flow import DIR`: a repository of flows."""

import pytest
from django.core.management import CommandError, call_command

from flows.models import Flow
from tests.factories import make_flow

pytestmark = pytest.mark.django_db


def flow_of(name, *actions):
    return {"format": "foundryflow/1", "name": name, "actions": list(actions)}


def runs(slug, **inputs):
    return {"id": "run", "type": "run_flow", "properties": {"flow": slug, "inputs": inputs}}


def test_all_flows_are_written_and_read_back_elsewhere(tmp_path, capsys):
    make_flow(flow_of("Inner"))
    make_flow(flow_of("Calls inner", runs("inner")))
    call_command("flow", "export", "--all", str(tmp_path / "flows"))
    assert "2 written" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "flows").iterdir()) == ["calls-inner.yaml", "inner.yaml"]
    before = {flow.slug: flow.current.document for flow in Flow.objects.select_related("head")}
    for flow in Flow.objects.all():
        flow.remove()
    call_command("flow", "import", str(tmp_path / "flows"))
    assert capsys.readouterr().out.splitlines() == ["inner created", "calls-inner created"]
    after = Flow.objects.in_designer().select_related("head")
    assert {flow.slug: flow.current.document for flow in after} == before


def test_what_has_not_changed_is_neither_written_nor_imported_again(tmp_path, capsys):
    flow = make_flow(flow_of("A"))
    make_flow(flow_of("B"))
    call_command("flow", "export", "--all", str(tmp_path))
    written = (tmp_path / "b.yaml").stat().st_mtime_ns
    flow.commit(flow.current.parsed().with_name("Renamed"), by=None, base=1)
    call_command("flow", "export", "--all", str(tmp_path))
    assert "1 written to" in (said := capsys.readouterr().out)
    assert "1 unchanged" in said
    assert (tmp_path / "b.yaml").stat().st_mtime_ns == written
    path = tmp_path / "b.yaml"
    path.write_text(path.read_text() + "description: from the repository\n")
    call_command("flow", "import", str(tmp_path))
    assert capsys.readouterr().out.splitlines() == ["a unchanged", "b now at revision 2"]
    assert Flow.objects.get(slug="a").name == "Renamed"


def test_one_broken_file_keeps_all_of_them_out_and_each_is_named(tmp_path):
    (tmp_path / "good.yaml").write_text("format: foundryflow/1\nname: Good\nactions: []\n")
    (tmp_path / "good.json").write_text("{}")
    (tmp_path / "bad.yaml").write_text("name: a\nname: b\n")
    (tmp_path / "worse.json").write_text('{"format": "foundryflow/1"}')
    with pytest.raises(CommandError) as caught:
        call_command("flow", "import", str(tmp_path))
    said = str(caught.value)
    assert "bad.yaml: Line 2: 'name' is there twice" in said
    assert "good.yaml: good.json is the same flow" in said
    assert "worse.json: " in said
    assert not Flow.objects.exists()


def test_flows_that_run_each_other_in_a_circle_are_imported(tmp_path, capsys):
    for name, other in (("a", "b"), ("b", "a"), ("c", "c")):
        text = f"format: foundryflow/1\nname: {name}\nactions:\n  - id: r\n    type: run_flow\n    properties: {{flow: {other}}}\n"
        (tmp_path / f"{name}.yaml").write_text(text)
    call_command("flow", "import", str(tmp_path))
    assert sorted(capsys.readouterr().out.splitlines()) == ["a created", "b created", "c created"]


def test_a_file_that_is_called_as_a_page_gets_an_address_of_its_own(tmp_path):
    (tmp_path / "new.yaml").write_text("format: foundryflow/1\nname: New\nactions: []\n")
    call_command("flow", "import", str(tmp_path))
    assert Flow.objects.get().slug == "new-2"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [((), "Say which flow, or --all DIR."), (("a", "--all", "x"), "Say which flow, or --all DIR.")],
)
def test_export_wants_a_flow_or_a_directory(arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("flow", "export", *arguments)


def test_the_ending_of_the_output_says_the_format(tmp_path, capsys):
    make_flow(flow_of("A"))
    call_command("flow", "export", "a", "--output", str(tmp_path / "a.yml"))
    assert (tmp_path / "a.yml").read_text() == "format: foundryflow/1\nname: A\nactions: []\n"
    call_command("flow", "export", "a", "--format", "yaml")
    assert capsys.readouterr().out == "format: foundryflow/1\nname: A\nactions: []\n"
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("flow", "export", "a", "--output", str(tmp_path / "none" / "a.json"))
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="no directory that can be written"):
        call_command("flow", "export", "--all", str(tmp_path / "file"))


def test_a_directory_without_flows_says_so(tmp_path):
    with pytest.raises(CommandError, match="There is no flow in"):
        call_command("flow", "import", str(tmp_path))
