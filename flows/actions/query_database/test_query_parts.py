"""What is asked of a database and what becomes of its answer; without a database."""

from types import SimpleNamespace

import pytest

from connections.databases.query import DatabaseQuery, QueryResult
from connections.kinds.base import DataSourceError
from connections.secret import Secret
from flows.actions.base import Result
from flows.actions.query_database import action
from flows.actions.query_database.action import (
    ROW,
    ROWS,
    VALUE,
    Properties,
    QueryDatabase,
    column_names,
    error_of,
    output_of,
    parameters_of,
    query_of,
    result_shape,
)
from flows.language.errors import ActionError
from flows.language.nodes import Action
from flows.language.shape import SECRET, UNKNOWN, Shape


def properties(**more):
    return Properties(**{"connection": "crm", "sql": "select 1", **more})


def result(*rows, columns=("id", "key"), changed=0):
    return QueryResult(columns=columns, rows=[*rows], changed=changed)


def test_a_query_has_what_its_properties_say():
    plain = query_of(properties())
    assert plain == DatabaseQuery("select 1", {}, most_rows=1_000, most_bytes=5_000_000, timeout=30, may_change=False)
    given = properties(parameters='{"id": 7}', row_limit=10, size_limit=0.5, timeout=5, may_change_data="yes")
    assert query_of(given) == DatabaseQuery(
        "select 1", {"id": 7}, most_rows=10, most_bytes=500_000, timeout=5, may_change=True
    )
    assert query_of(properties(result=ROW, row_limit=10)).most_rows == query_of(properties(result=VALUE)).most_rows == 1


@pytest.mark.parametrize(("given", "found"), [(None, {}), ("", {}), ({"a": 1}, {"a": 1}), ('{"a": 1}', {"a": 1})])
def test_parameters_are_an_object(given, found):
    assert parameters_of(given) == found


def test_parameters_that_are_none_are_refused():
    with pytest.raises(ActionError) as refused:
        parameters_of([1])
    assert (refused.value.kind, refused.value.message.startswith("Parameters ")) == ("input", True)


@pytest.mark.parametrize(
    ("found", "wanted", "output"),
    [
        (result((1, "k"), (2, None)), {}, [{"id": 1, "key": "k"}, {"id": 2, "key": None}]),
        (result(), {}, []),
        (
            result((1, "k"), (2, None)),
            {"secret_columns": " key ,"},
            [{"id": 1, "key": Secret("k")}, {"id": 2, "key": None}],
        ),
        (result((1, 5)), {"secret_columns": "key", "required_columns": "id, key"}, [{"id": 1, "key": Secret("5")}]),
        (result((1, "k")), {"result": ROW}, {"id": 1, "key": "k"}),
        (result((1,), columns=("id",)), {"result": VALUE}, 1),
        (result(columns=None, changed=3), {"secret_columns": "key"}, 3),
    ],
)
def test_rows_a_row_or_a_value_with_their_secrets(found, wanted, output):
    assert output_of(found, properties(**wanted)) == output


@pytest.mark.parametrize(
    ("found", "wanted", "kind", "message"),
    [
        (result(), {"result": ROW}, "no_row", "Result is one row, but the query gives no row."),
        (result((1, 2)), {"result": VALUE}, "column", "Result is one value, but the query gives 2 columns."),
        (result((1, 2)), {"secret_columns": "pin"}, "column", "Secret columns: there is no column pin in the result."),
        (
            result((1, 2)),
            {"required_columns": "pin"},
            "column",
            "Required columns: there is no column pin in the result.",
        ),
        (result((1, None)), {"required_columns": "key"}, "null", "The column key is NULL, but it is required."),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(found, wanted, kind, message):
    with pytest.raises(DataSourceError) as refused:
        output_of(found, properties(**wanted))
    assert (refused.value.kind, refused.value.message, bool(refused.value.hint)) == (kind, message, True)


@pytest.mark.parametrize(
    ("kind", "wanted", "told"),
    [
        ("too_many_rows", {"result": ROW}, ("two_rows", "Result is one row, but the query gives more than one row.")),
        ("too_many_rows", {}, ("too_many_rows", "said")),
        ("query", {}, ("database_query", "said")),
        ("column", {}, ("database_column", "said")),
        ("connect", {}, ("connect", "said")),
    ],
)
def test_errors_are_told_in_the_words_of_what_was_asked(kind, wanted, told):
    assert error_of(DataSourceError(kind, "said", "hint"), properties(**wanted)) == told


def test_names_of_columns_are_separated_by_commas():
    assert [column_names(written) for written in (None, "", " a, ,b ", 5)] == [[], [], ["a", "b"], ["5"]]


ROW_SHAPE = Shape("object", {"id": UNKNOWN, "key": SECRET})


@pytest.mark.parametrize(
    ("wanted", "shape"),
    [(None, Shape("list", item=ROW_SHAPE)), (ROWS, Shape("list", item=ROW_SHAPE)), (ROW, ROW_SHAPE), (VALUE, UNKNOWN)],
)
def test_what_is_known_of_the_result_before_a_run(wanted, shape):
    assert result_shape({"result": wanted, "required_columns": "id, key", "secret_columns": "key"}) == shape


@pytest.mark.parametrize(
    ("sql", "parameters", "found"),
    [
        ("select :a, :b", {"a": 1}, ["Parameters: SQL names :b, which has no value here."]),
        ("select :a, :b", None, ["Parameters: SQL names :a, which has no value here."]),
        ("select :a", "{{ given }}", []),
        ("select 1", {}, []),
        (None, {}, []),
    ],
)
def test_a_parameter_without_a_value_is_said_before_a_run(sql, parameters, found):
    given = Action({"id": "a", "type": "query_database", "properties": {"sql": sql, "parameters": parameters}})
    assert [sentence for _, sentence in QueryDatabase().problems(given)] == found


class Databases:
    """Gives a result, or raises an error."""

    def __init__(self, outcome):
        self.outcome = outcome

    async def query(self, target, query):
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def step_with(outcome):
    async def data_connection(name):
        return SimpleNamespace(name=name, address=SimpleNamespace(place="crm.example"))

    services = SimpleNamespace(databases=Databases(outcome), data_connection=data_connection)
    return SimpleNamespace(services=services, facts={})


@pytest.mark.parametrize(
    ("found", "facts"), [(result((1, "k")), {"rows": 1}), (result(columns=None, changed=3), {"changed": 3})]
)
async def test_a_query_tells_where_it_went_and_how_long_it_took(monkeypatch, found, facts):
    ticks = iter([100.0, 100.1234])
    monkeypatch.setattr(action, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    done = await QueryDatabase().execute(properties(result_variable_name="found"), step_with(found))
    output = output_of(found, properties())
    facts = {"connection": "crm", "host": "crm.example", "query_ms": 123.4, **facts}
    assert done == Result(output=output, variables={"found": output}, facts=facts)


@pytest.mark.parametrize("state", ["", "42P01"])
async def test_a_failed_query_keeps_what_the_database_said(state):
    error = DataSourceError("query", "No.", "Correct it.", sqlstate=state, raw="the words")
    with pytest.raises(ActionError) as failed:
        await QueryDatabase().execute(properties(), step_with(error))
    told = failed.value
    assert (told.kind, told.message, told.hint, told.raw) == ("database_query", "No.", "Correct it.", "the words")
    assert told.facts == {"connection": "crm", "host": "crm.example", **({"sqlstate": state} if state else {})}


def test_a_column_that_is_not_there_names_those_that_are():
    with pytest.raises(DataSourceError) as refused:
        output_of(result(), properties(secret_columns="pin"))
    assert refused.value.hint == "The query gives id, key."
