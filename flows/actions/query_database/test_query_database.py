import json
import sqlite3

import pytest

from connections.databases.client import DatabaseClient
from connections.databases.places import FileRules
from connections.foundry.destinations import Destinations
from connections.kinds.address import DataAddress
from connections.kinds.base import DataTarget
from connections.secret import Secret
from flows.actions.services import MemoryServices
from flows.interpreter.journal import MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.language.values import display_json
from flows.lint.linter import problems

KEY = "planted-key-of-ada"


@pytest.fixture
def crm(tmp_path):
    """A file with two customers, one of them without a key, as the connection crm."""
    path = tmp_path / "crm.db"
    made = sqlite3.connect(path)
    made.execute("CREATE TABLE customers (id, name, api_key)")
    made.execute("INSERT INTO customers VALUES (1, 'Ada', ?), (2, 'Bob', NULL)", [KEY])
    made.commit()
    made.close()
    client = DatabaseClient(Destinations(), FileRules([str(tmp_path)]))
    target = DataTarget("crm", "sqlite", DataAddress("sqlite", database=str(path)))
    return MemoryServices(databases=client, data_connections={"crm": target})


def document(**properties):
    action = {"id": "q", "type": "query_database", "properties": {"connection": "crm", **properties}}
    inputs = [{"name": "id", "type": "number"}, {"name": "key", "type": "secret"}]
    return parse({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": [action]})


async def run(services, id=1, **properties):
    journal = MemoryJournal()
    await execute(document(**properties), {"id": id}, journal, services)
    return next(event for event in journal.events if type(event).__name__ == "ActionFinished")


async def failure(services, **properties):
    with pytest.raises(RunFailed) as failed:
        await run(services, **properties)
    assert KEY not in f"{failed.value} {failed.value.error.hint} {failed.value.error.raw} {failed.value.error.facts}"
    return failed.value.error


BY_ID = {"sql": "SELECT id, name, api_key FROM customers WHERE id = :id", "parameters": {"id": "{{ id }}"}}


async def test_one_row_has_its_secret_column_as_a_secret(crm):
    done = await run(crm, **BY_ID, result="one row", secret_columns="api_key")

    assert done.output == {"id": 1, "name": "Ada", "api_key": Secret(KEY)}
    assert KEY not in json.dumps(display_json(done.output))
    assert (done.facts["rows"], done.facts["connection"]) == (1, "crm")


async def test_a_secret_may_be_a_parameter(crm):
    journal = MemoryJournal()
    asking = document(sql="SELECT name FROM customers WHERE api_key = :key", parameters={"key": "{{ key }}"})

    await execute(asking, {"id": 1, "key": KEY}, journal, crm)

    assert journal.events[-1].output == [{"name": "Ada"}]
    assert KEY not in json.dumps(journal.events[0].inputs)


async def test_rows_and_one_value(crm):
    rows = await run(crm, sql="SELECT id, name FROM customers ORDER BY id")
    assert rows.output == [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bob"}]
    value = await run(
        crm, sql="SELECT api_key FROM customers WHERE id = 1", result="one value", secret_columns="api_key"
    )
    assert value.output == Secret(KEY)


async def test_what_is_changed_is_counted_where_it_is_allowed(crm):
    assert (await failure(crm, sql="DELETE FROM customers")).kind == "not_allowed"
    assert (await run(crm, sql="DELETE FROM customers WHERE id = 2", may_change_data="yes")).output == 1


@pytest.mark.parametrize(
    ("properties", "kind", "words"),
    [
        ({**BY_ID, "secret_columns": "key"}, "database_column", "Secret columns: there is no column key"),
        ({**BY_ID, "parameters": {"id": 5}, "result": "one row"}, "no_row", "gives no row"),
        ({"sql": "SELECT * FROM customers", "result": "one row"}, "two_rows", "more than one row"),
        ({"sql": "SELECT id FROM customers", "result": "one value"}, "two_rows", "more than one row"),
        ({**BY_ID, "result": "one value"}, "database_column", "gives 3 columns"),
        ({**BY_ID, "parameters": {"id": 2}, "required_columns": "api_key"}, "null", "The column api_key is NULL"),
        ({"sql": "SELECT * FROM customers", "row_limit": 1}, "too_many_rows", "more than 1 row."),
        ({"sql": "SELECT hex(zeroblob(9000)) AS a", "size_limit": 0.001}, "too_large", "0.001 MB"),
        ({"sql": "SELECT nope FROM customers"}, "database_query", "no such column: nope"),
        ({**BY_ID, "parameters": "[1]"}, "input", "Parameters is not an object"),
        ({"sql": "SELECT '{{ id }}' AS a"}, "expression", "takes no templates"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named(crm, properties, kind, words):
    error = await failure(crm, **properties)
    assert (error.kind, words in error.message) == (kind, True), error.message


def test_lint_names_what_a_run_would_miss():
    said = [problem.message for problem in problems(document(sql="SELECT :id, :name", parameters={"id": 1}))]
    assert said == ["Parameters: SQL names :name, which has no value here."]
    said = [problem.message for problem in problems(document(sql="SELECT '{{ id }}'"))]
    assert said[0].startswith("SQL takes no templates.")
    assert problems(document(sql="SELECT :id", parameters="{{ anything }}"))[0].message.startswith("`anything`")
