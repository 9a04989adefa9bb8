"""The same job through the command line, as a script would."""

import json

from tests.documents_of import FOLDER


def test_connect_import_lint_run_export(installation, tmp_path):
    manage = installation.manage
    added = manage(
        "connection", "add", "simulator", "--endpoint", f"{installation.simulator}/openai/v1", given="simulator\n"
    )
    assert added.returncode == 0, added.stderr
    assert manage("connection", "test", "simulator", "--model", "gpt-4o-mini").returncode == 0
    assert "simulator" in manage("connection", "list").stdout

    file = FOLDER / "bar-static.json"
    assert manage("flow", "lint", str(file)).returncode == 0
    assert manage("flow", "import", str(file)).stdout.startswith("bar-static created")
    assert "revision 2" in manage("flow", "import", str(file)).stdout
    assert json.loads(manage("flow", "export", "bar-static").stdout) == json.loads(file.read_text())

    ran = manage("flow", "run", "bar-static", "--input", '{"question": "Why?"}', "--json")
    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout)
    assert (result["state"], [a["path"] for a in result["actions"]]) == ("succeeded", ["chat", "ret"])
    assert "You said: Why?" in result["output"]
    assert result["actions"][0]["usage"]["total_tokens"] > 0

    failed = manage("flow", "run", "bar-static", "--json")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["error"]["kind"] == "input"

    broken = tmp_path / "broken.json"
    broken.write_text('{"format": "foundryflow/1", "name": "x",')
    assert "Line 1: not JSON" in manage("flow", "import", str(broken)).stderr
    broken.write_text(
        json.dumps({**json.loads(file.read_text()), "name": "bad", "actions": [{"id": "t", "type": "teleport"}]})
    )
    linted = manage("flow", "lint", str(broken))
    assert linted.returncode == 1
    assert "error: t: " in linted.stdout
    assert manage("flow", "import", str(broken)).returncode == 0


def test_a_connection_with_an_identity_or_a_gateway_header_is_added_from_a_script(installation):
    add = ("connection", "add")
    where = ("--endpoint", "https://contoso.openai.azure.com/openai/v1")
    identity = installation.manage(
        *add, "identity", *where, "--auth", "client_secret", "--tenant-id", "t", "--client-id", "c", given="s3cret\n"
    )
    assert identity.returncode == 0, identity.stderr
    assert "s3cret" not in identity.stdout
    lacking = installation.manage(*add, "lacking", *where, "--auth", "client_secret", given="\n")
    assert lacking.returncode == 1
    assert "tenant_id" in lacking.stderr
    gateway = installation.manage(
        *add, "gateway", *where, "--key-header", "X-Team-Key", "--extra-header", "X-Team", given="k" * 20
    )
    assert gateway.returncode == 0, gateway.stderr
    odd = installation.manage(*add, "odd", *where, "--key-header", "Host", given="k" * 20)
    assert "is set by the connection itself" in odd.stderr
