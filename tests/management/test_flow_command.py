"""Secret inputs of `flow run` come from standard input, and nothing of them is printed."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from connections.secret import Secret
from flows.models import Run
from tests.factories import make_flow

pytestmark = pytest.mark.django_db(transaction=True)
CANARY = "sk-canary-90aa17"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def flow(db):
    def connect(name):
        properties = {
            "api_key": f"{{{{ {name} }}}}",
            "endpoint": "https://a.openai.azure.com",
            "connection_variable_name": f"c_{name}",
        }
        branches = [{"id": f"if-{name}", "title": "If", "condition": f"{name} is not none", "actions": [
            {"id": name, "type": "create_azure_ai_connection", "properties": properties}]}]  # fmt: skip
        return {"id": f"has-{name}", "type": "if_else", "properties": {}, "branches": branches}

    returns = {"id": "ret", "type": "return", "properties": {"value": "{{ q }}"}}
    inputs = [
        {"name": "token", "type": "secret", "required": True},
        {"name": "other", "type": "secret"},
        {"name": "q", "type": "text"},
    ]
    actions = [connect("token"), connect("other"), returns]
    return make_flow({"format": "foundryflow/1", "name": "Keys", "inputs": inputs, "actions": actions})


@pytest.fixture
def run(flow, monkeypatch, capsys):
    """Runs it, and gives its output, the fingerprints of the secrets it got, and what was said beside."""

    def called(typed, *arguments, terminal=False):
        monkeypatch.setattr("sys.stdin", (Terminal if terminal else io.StringIO)(typed))
        call_command("flow", "run", "keys", "--json", *arguments)
        said = capsys.readouterr()
        assert CANARY not in said.out + said.err
        told = json.loads(said.out)
        keys = {
            each["path"].split("/")[-1]: each["connection"]["key_fingerprint"]
            for each in told["actions"]
            if each["connection"]
        }
        return told["output"], keys, said.err

    return called


def fingerprint(text):
    return Secret(text).fingerprint


def test_required_secrets_are_read_and_it_says_so(run):
    _, keys, said = run(f"{CANARY}\n")
    assert keys == {"token": fingerprint(CANARY)}
    assert "Reading the secret input token from standard input." in said


def test_named_secrets_come_in_their_order_and_before_the_json(run):
    typed = f'other-one\n{CANARY}\n{{"q": "Why?"}}'
    output, keys, _ = run(typed, "--secret", "other", "--secret", "token", "--input", "-")
    assert (output, keys) == ("Why?", {"token": fingerprint(CANARY), "other": fingerprint("other-one")})
    output, keys, _ = run(json.dumps({"token": CANARY, "q": "Why?"}), "--input", "-")
    assert (output, keys) == ("Why?", {"token": fingerprint(CANARY)})


def test_a_terminal_is_asked_without_echo(run, monkeypatch):
    asked = []
    monkeypatch.setattr("getpass.getpass", lambda prompt: asked.append(prompt) or CANARY)
    run("", terminal=True)
    assert asked == ["token (secret): "]


def test_a_secret_among_the_arguments_is_warned_of(run):
    _, _, said = run("", "--input", json.dumps({"token": CANARY}))
    assert "WARNING: token is a secret" in said
    assert "--secret token" in said


@pytest.mark.parametrize(
    ("arguments", "typed", "words"),
    [
        ([], "", "secret input token is missing"),
        (["--secret", "q"], "", "no secret input 'q'"),
        (["--secret", "token=x"], "", "takes a name only"),
    ],
)
def test_what_is_missing_is_said_and_nothing_runs(run, arguments, typed, words):
    with pytest.raises(CommandError, match=words):
        run(typed, *arguments)
    assert not Run.objects.exists()


def test_a_file_is_read_from_its_path(tmp_path, capsys):
    said = {"id": "ret", "type": "return", "properties": {"value": "{{ bill.name }} {{ bill.media_type }}"}}
    inputs = [{"name": "bill", "type": "file", "required": True}]
    make_flow({"format": "foundryflow/1", "name": "Bills", "inputs": inputs, "actions": [said]})
    path = tmp_path / "May.pdf"
    path.write_bytes(b"%PDF-1.7")
    call_command("flow", "run", "bills", "--file", f"bill={path}")
    assert capsys.readouterr().out == "May.pdf application/pdf\n"
    (tmp_path / "text").write_text("Hello")
    for arguments, words in [
        (["--file", f"other={path}"], r"NAME=PATH, with an input of type file. These are: bill."),
        (["--file", f"bill={tmp_path}/none"], "cannot be read"),
        (["--file", f"bill={tmp_path}/text"], "is neither an image"),
        (["--input", '{"bill": "data:application/pdf;base64,JVBERi0="}'], "bill is a file: --file bill=PATH."),
    ]:
        with pytest.raises(CommandError, match=words):
            call_command("flow", "run", "bills", *arguments)
    assert Run.objects.count() == 1


def test_the_help_says_where_secrets_come_from(capsys):
    with pytest.raises(SystemExit):
        call_command("flow", "run", "--help")
    assert "Secret inputs come from standard input" in " ".join(capsys.readouterr().out.split())


def test_a_run_is_for_a_customer(run):
    run("x\n", "--customer", "Contoso")
    assert Run.objects.get().customer == "Contoso"
    with pytest.raises(CommandError, match="at most 200 characters"):
        run("x\n", "--customer", "x" * 201)
