"""Parameters are places in a statement, never text of it."""

from decimal import Decimal

import pytest

from connections.databases.parameters import bind, parameter_names, plain_value
from connections.databases.postgresql import DIALECT as POSTGRESQL
from connections.databases.sql_server import DIALECT as SQL_SERVER
from connections.databases.sqlite import DIALECT as SQLITE
from connections.kinds.base import DataSourceError
from connections.secret import Secret

VALUES = {"a": 1, "b": 2, "n": 3}


@pytest.mark.parametrize(
    ("dialect", "sql", "bound", "values"),
    [
        (POSTGRESQL, "SELECT :a, :b, :a", "SELECT $1, $2, $1", (1, 2)),
        (SQLITE, "SELECT :a, :b, :a", "SELECT ?, ?, ?", (1, 2, 1)),
        (SQL_SERVER, "SELECT :a, :b, :a", "SELECT %s, %s, %s", (1, 2, 1)),
        (POSTGRESQL, "SELECT %(a)s", "SELECT $1", (1,)),
        (POSTGRESQL, "SELECT ':a', \"x:b\", a::text, :a::int", "SELECT ':a', \"x:b\", a::text, $1::int", (1,)),
        (POSTGRESQL, "SELECT E'it\\':a', 'it'':b', :a", "SELECT E'it\\':a', 'it'':b', $1", (1,)),
        (POSTGRESQL, "SELECT x LIKE'\\', :a", "SELECT x LIKE'\\', $1", (1,)),
        (POSTGRESQL, "SELECT $$ :a $$, $t$ :b $$ $t$, :a", "SELECT $$ :a $$, $t$ :b $$ $t$, $1", (1,)),
        (POSTGRESQL, "SELECT 1 -- :a\n, :b /* :n /* :n */ :n */", "SELECT 1 -- :a\n, $1 /* :n /* :n */ :n */", (2,)),
        (POSTGRESQL, "SELECT list[1:2], list[:a]", "SELECT list[1:2], list[$1]", (1,)),
        (SQL_SERVER, "SELECT [odd:a]]:b], :a", "SELECT [odd:a]]:b], %s", (1,)),
        (SQL_SERVER, "SELECT x LIKE '%a' AND :a = 5 % 2", "SELECT x LIKE '%%a' AND %s = 5 %% 2", (1,)),
        (SQL_SERVER, "SELECT 5 % 2", "SELECT 5 % 2", ()),
        (SQLITE, "SELECT `x:a`, [y:b], strftime('%H:%M'), :a", "SELECT `x:a`, [y:b], strftime('%H:%M'), ?", (1,)),
        (POSTGRESQL, "SELECT /* a /* b */ :n */ :a, :b", "SELECT /* a /* b */ :n */ $1, $2", (1, 2)),
        (POSTGRESQL, "SELECT /* /* /* */ */ :n */ :a", "SELECT /* /* /* */ */ :n */ $1", (1,)),
        (POSTGRESQL, "SELECT :a /* :b /* */ :n", "SELECT $1 /* :b /* */ :n", (1,)),
        (POSTGRESQL, ":a", "$1", (1,)),
        (SQLITE, "SELECT 'never ended :a", "SELECT 'never ended ?", (1,)),
    ],
)
def test_each_driver_gets_its_places(dialect, sql, bound, values):
    found = bind(sql, VALUES, dialect)
    assert (found.sql, found.values) == (bound, values)


@pytest.mark.parametrize("dialect", [POSTGRESQL, SQLITE, SQL_SERVER])
@pytest.mark.parametrize("value", ["a\ud83d", Secret("\udc00"), ["a", ["\ud83d"]]])
def test_half_a_character_is_refused_in_words(dialect, value):
    with pytest.raises(DataSourceError, match="The parameter c has half of a character in it") as refused:
        bind("SELECT :c", {"c": value}, dialect)
    assert refused.value.kind == "query"


def test_a_parameter_without_a_value_is_named():
    with pytest.raises(DataSourceError, match="names the parameter c") as refused:
        bind("SELECT :c", VALUES, SQLITE)
    assert refused.value.kind == "query"


def test_the_names_are_found_once_and_in_order():
    assert parameter_names("SELECT :b, %(a)s, ':x', :b, '12:30'") == ["b", "a"]
    assert parameter_names(r"SELECT e'\':x', $$ :x $$, $t$ :x $t$, `:x`, [:x], /* :x */ :a -- :x") == ["a"]


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Secret("s"), "s"),
        ({"a": "é", "b": Decimal("1.5")}, '{"a": "é", "b": "1.5"}'),
        ([1, None], "[1, null]"),
        ((1,), "[1]"),
        *((value, value) for value in (None, True, 7, 1.5, "x")),
        (Decimal("1.5"), "1.5"),
    ],
)
def test_a_driver_gets_plain_values(value, plain):
    assert plain_value(value) == plain
    assert type(plain_value(value)) is type(plain)
