import pytest

from connections.secret import Secret
from flows.actions.services import MemoryServices
from flows.interpreter.journal import MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.lint.linter import problems

KEY = "planted-key-of-the-server"


def document(name):
    action = {"id": "e", "type": "get_environment_secret", "properties": {"variable_name": name}}
    inputs = [{"name": "region", "type": "text"}]
    return parse({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": [action]})


async def run(name):
    journal = MemoryJournal()
    services = MemoryServices(environment={"CRM_KEY_EU": Secret(KEY)})
    await execute(document(name), {"region": "EU"}, journal, services)
    return journal


async def test_the_variable_comes_as_a_secret():
    journal = await run("CRM_KEY_{{ region }}")

    assert journal.events[-1].variables == {"secret": Secret(KEY)}
    assert journal.secrets.stand_in(KEY)


async def test_a_variable_that_is_not_listed_is_an_error():
    with pytest.raises(RunFailed) as failed:
        await run("PATH")
    assert failed.value.error.kind == "not_listed"


@pytest.mark.parametrize(
    ("name", "count"), [("CRM_KEY_EU", 0), (" CRM_KEY_EU ", 0), ("CRM_{{ region }}", 0), ("PATH", 1)]
)
def test_lint_names_a_variable_that_is_not_listed(name, count):
    said = [problem.message for problem in problems(document(name), environment={"CRM_KEY_EU"})]
    assert len(said) == count
    assert all("PATH is not listed" in each and "CRM_KEY_EU" not in each for each in said)
