"""A table of variables is read from what people have, and written so that a spreadsheet runs nothing."""

import csv
import io
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.batch.csv_output import csv_text
from flows.batch.input_table import (
    LARGEST,
    LONGEST_CELL,
    MOST_COLUMNS,
    MOST_ROWS,
    InputTable,
    TableError,
    parse_typed_table,
    read_table,
)


def of(text, name="rows.csv"):
    return read_table(name, text.encode())


def lines_of(*objects):
    return "\n".join(json.dumps(each) for each in objects)


def problems_of(call, *given):
    with pytest.raises(TableError) as refused:
        call(*given)
    return refused.value.problems


QUESTIONS = InputTable(
    ("question", "answer"), ({"question": "2 + 2?", "answer": "4"}, {"question": "x?", "answer": ""})
)


@pytest.mark.parametrize(
    "text",
    [
        "question,answer\n2 + 2?,4\nx?,\n",
        "question,answer\r\n2 + 2?,4\r\nx?,",
        "question;answer\n2 + 2?;4\nx?;\n",
        "question\tanswer\n2 + 2?\t4\nx?\t\n",
        '"question","answer"\n"2 + 2?","4"\n"x?",""\n',
        " question , answer\n\n2 + 2?,4\nx?,,,\n\n",
    ],
)
def test_a_csv_file_is_read_whatever_separates_its_cells(text):
    table = of(text)
    assert (table.columns, table.rows) == (QUESTIONS.columns, QUESTIONS.rows)


def test_cells_may_hold_separators_quotes_and_line_breaks():
    table = of('a,b\n"1, ""one""\nor so",2;3\n')
    assert table.rows == ({"a": '1, "one"\nor so', "b": "2;3"},)


def test_a_single_column_of_prose_is_a_table_too():
    assert of("question\nHello, world\nAnd you, and you?\n").rows[0] == {"question": "Hello, world"}


@pytest.mark.parametrize(
    "data",
    [
        "né,b\nü,2\n".encode(),
        "né,b\nü,2\n".encode("utf-8-sig"),
        "né,b\nü,2\n".encode("utf-16"),
        b"\xfe\xff" + "né,b\nü,2\n".encode("utf-16-be"),
    ],
)
def test_unicode_is_recognised(data):
    table = read_table("rows.csv", data)
    assert table.rows == ({"ne": "ü", "b": "2"},)
    assert table.notes == ("Column né is the variable ne.",)


def test_windows_1252_is_the_last_resort_and_said():
    table = read_table("rows.csv", "a,b\nü,€\n".encode("cp1252"))
    assert table.rows == ({"a": "ü", "b": "€"},)
    assert table.notes == ("rows.csv is not UTF-8 and was read as Windows-1252. Check letters with accents.",)


@pytest.mark.parametrize(
    "data", [b"a,b\n\x81,1\n", b"\x89PNG\x00\x00", "a,b\n1,2\n".encode("utf-16-le"), b"\xff\xfea\x00,\x00b"]
)
def test_what_is_not_text_is_refused(data):
    assert problems_of(read_table, "rows.csv", data) == ["rows.csv is not text in UTF-8. Save it as CSV UTF-8."]


def test_a_workbook_is_named_as_such():
    assert problems_of(read_table, "rows.xlsx", b"PK\x03\x04rest") == [
        "rows.xlsx is a workbook. Save it as CSV in your spreadsheet."
    ]


def test_columns_become_variables_and_that_is_said():
    table = of("Customer id,2nd try,inputs,Größe (cm),ok_Name\n1,2,3,4,5\n")
    assert table.columns == ("customer_id", "column_2nd_try", "inputs_value", "grosse_cm", "ok_Name")
    assert table.notes == (
        "Column Customer id is the variable customer_id.",
        "Column 2nd try is the variable column_2nd_try.",
        "Column inputs is the variable inputs_value.",
        "Column Größe (cm) is the variable grosse_cm.",
    )


def test_everything_wrong_with_the_header_is_said_at_once():
    assert problems_of(of, "a b,,A B,名前,ok\n1,2,3,4,5\n") == [
        "Column 2 has no name. Name it in the header, or remove it.",
        "Columns 1 and 3 are both the variable a_b. Rename one of them.",
        "Column 4 (名前) needs a name of at most 100 characters with letters a to z.",
    ]


def test_rows_that_do_not_fit_are_said_by_the_line_they_begin_in():
    assert problems_of(of, 'a,b\n"1\n1",2\n1\n1,2,3\n') == [
        "Line 4 has 1 cell and the header 2. Put quotes around a cell that holds the separator.",
        "Line 5 has 3 cells and the header 2. Put quotes around a cell that holds the separator.",
    ]


@pytest.mark.parametrize("text", ['a,b\n1,2\n"1,2\n3,4\n', 'a,b\n1,2\n"1"x,2\n', 'a,b\n1,2\n"' + "x" * 200_000])
def test_a_broken_quote_is_found(text):
    assert problems_of(of, text) == [
        "Line 3: a quote is not closed or has text behind it, or a cell is too long."
        ' Write a quote inside a quoted cell twice: "".'
    ]


def test_only_so_many_problems_are_told():
    told = problems_of(of, "a,b\n" + "1\n" * 100)
    assert len(told) == 21
    assert told[-1] == "And 80 more like these."


def test_empty_rows_are_left_out_and_counted():
    table = of("a,b\n,\n1,2\n , \n")
    assert table == InputTable(("a", "b"), ({"a": "1", "b": "2"},), ("2 empty rows left out.",))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "The table is empty. Give it a header and at least one row."),
        ("\n\n", "The table is empty. Give it a header and at least one row."),
        ("a,b\n", "The table has no rows below its header. Add at least one."),
        ("a\n" + "x" * (LONGEST_CELL + 1), "Line 2, a: it is longer than 100,000 characters. Shorten it."),
        ("a\n" + "x\n" * (MOST_ROWS + 1), "The table has more than 10,000 rows. Split it."),
        (
            ",".join(f"c{at}" for at in range(MOST_COLUMNS + 1)) + "\n1",
            "The table has more than 50 columns. Leave out those that no prompt uses.",
        ),
        ("a" * 101 + "\n1", f"Column 1 ({'a' * 30}) needs a name of at most 100 characters with letters a to z."),
    ],
)
def test_the_bounds_of_a_table_are_said(text, problem):
    assert problems_of(of, text) == [problem]


def test_a_table_at_the_bounds_is_read():
    assert len(of("a\n" + "x\n" * MOST_ROWS).rows) == MOST_ROWS
    assert len(of("a\n" + "x" * LONGEST_CELL).rows[0]["a"]) == LONGEST_CELL


def test_a_file_over_the_limit_is_not_even_looked_at():
    assert problems_of(read_table, "rows.csv", b"x" * (LARGEST + 1)) == [
        "rows.csv is larger than 10 MB. Split it into several files."
    ]
    assert problems_of(parse_typed_table, "x" * (LARGEST + 1)) == ["The table is larger than 10 MB. Split it."]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.ndjson", "rows.JSON", "rows.txt"])
def test_json_lines_keep_the_types_of_their_values(name):
    table = of(lines_of({"a": "x\u2028y", "B c": 1}, {"a": ["z", {"k": None}], "B c": True}), name)
    assert table.columns == ("a", "b_c")
    assert table.rows == ({"a": "x\u2028y", "b_c": 1}, {"a": ["z", {"k": None}], "b_c": True})
    assert table.notes == ("Column B c is the variable b_c.",)


def test_what_a_row_of_json_lines_leaves_out_is_null():
    table = of(lines_of({"a": 1}, {"b": 2}, {"a": 3}) + "\n\n", "rows.jsonl")
    assert table.rows == ({"a": 1, "b": None}, {"a": None, "b": 2}, {"a": 3, "b": None})
    assert table.notes == (
        "a is missing in 1 row and empty (null) there.",
        "b is missing in 2 rows and empty (null) there.",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "The file is empty. Write one JSON object a line."),
        ("{}", "The table has no columns. Name at least one variable."),
        ('[{"a": 1}]', "The file is one JSON list. Write one object a line, without commas between them (JSONL)."),
        ('{"a": 1}\n{"a": }', 'Line 2: it is not JSON. Write one object a line, like {"question": "..."}.'),
        ('{"a": 1}\n"a"', 'Line 2: it is no JSON object. Write one a line, like {"question": "..."}.'),
        ("{" * 100_000, 'Line 1: it is not JSON. Write one object a line, like {"question": "..."}.'),
        ('{"a": ' + "1" * 5_000 + "}", 'Line 1: it is not JSON. Write one object a line, like {"question": "..."}.'),
        ('{"a": NaN}', "Line 1, a: it is nested deeper than 30 levels, or a number is too large."),
        ('{"a": 1e999}', "Line 1, a: it is nested deeper than 30 levels, or a number is too large."),
        (
            '{"a": ' + "[" * 40 + "]" * 40 + "}",
            "Line 1, a: it is nested deeper than 30 levels, or a number is too large.",
        ),
        (
            '{"a": [{"\\u0000": 1}]}',
            "Line 1, a: it holds a character that cannot be stored (NUL or half a surrogate pair). Remove it.",
        ),
        (
            '{"a": "\\ud800"}',
            "Line 1, a: it holds a character that cannot be stored (NUL or half a surrogate pair). Remove it.",
        ),
        (json.dumps({"a": ["x" * LONGEST_CELL]}), "Line 1, a: it is longer than 100,000 characters. Shorten it."),
        ('{"a b": 1, "a_b": 2}', "Columns 1 and 2 are both the variable a_b. Rename one of them."),
        ('{"a": 1}\n' * (MOST_ROWS + 1), "The table has more than 10,000 rows. Split it."),
    ],
)
def test_what_is_wrong_with_json_lines_is_said(text, problem):
    assert problems_of(of, text, "rows.jsonl") == [problem]


@pytest.mark.parametrize(
    "text",
    ["question\tanswer\n2 + 2?\t4\nx?\t", "question,answer\n2 + 2?,4\nx?,\n", "question, answer\r\n2 + 2?,4\r\nx?,"],
)
def test_a_table_is_typed_or_pasted(text):
    assert parse_typed_table(text) == QUESTIONS


def test_a_table_that_was_pasted_may_hold_commas():
    assert parse_typed_table("a\tb\n1,2\t3,4").rows == ({"a": "1,2", "b": "3,4"},)
    assert parse_typed_table("prompt\nRed, green\nBlue").rows == ({"prompt": "Red, green"}, {"prompt": "Blue"})


def test_what_a_text_box_cannot_mean_is_refused():
    assert problems_of(parse_typed_table, "a\n1\0") == [
        "Line 2, a: it holds a character that cannot be stored (NUL or half a surrogate pair). Remove it."
    ]


@pytest.mark.parametrize(
    "cell", ["=1+1", "+cmd|' /C calc'!A0", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "- a list", "-3.5 %", "+"]
)
def test_a_cell_that_could_be_a_formula_is_made_text(cell):
    assert list(csv.reader(io.StringIO(csv_text(["a"], [{"a": cell}]), newline=""))) == [["a"], [f"'{cell}"]]


def test_the_header_is_made_text_as_well():
    assert csv_text(["=1"], []) == "'=1\r\n"


@pytest.mark.parametrize("cell", ["-3.5", "+1", "-.5", "-1e-9", "a=b", "5-3", "x@y.example", "'", -3.5, -7])
def test_other_cells_stay_as_they_are(cell):
    assert csv_text(["a"], [{"a": cell}]).splitlines() == ["a", str(cell)]


def test_values_that_are_no_text_are_written_as_json():
    row = {"a": None, "b": True, "c": {"é": [1]}, "d": 1.5}
    assert csv_text(["a", "b", "c", "d", "e"], [row]) == 'a,b,c,d,e\r\n,true,"{""é"": [1]}",1.5,\r\n'


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=10))
def test_what_is_written_can_be_read_again(rows):
    given_rows = [{"a": f"x{left}", "b": f"{right}."} for left, right in rows]
    table = read_table("out.csv", csv_text(["a", "b"], given_rows).encode())
    assert [row["a"] for row in table.rows] == [row["a"] for row in given_rows]
    assert [row["b"].removeprefix("'") for row in table.rows] == [row["b"].removeprefix("'") for row in given_rows]


@given(st.binary(max_size=200), st.sampled_from(["a.csv", "a.jsonl", "a.txt"]))
def test_any_file_is_a_table_or_explained(data, name):
    try:
        table = read_table(name, data)
    except TableError as error:
        assert error.problems
        assert all(problem.endswith(".") for problem in error.problems)
    else:
        assert table.rows
        assert all(set(row) == set(table.columns) for row in table.rows)


@pytest.mark.parametrize(
    "data",
    [
        b'"' * LARGEST,
        b"," * LARGEST,
        b"\n" * LARGEST,
        b"a\n" * (LARGEST // 2),
        b'a,b\n"' + b"x\n" * (LARGEST // 2 - 3),
        b"[" * LARGEST,
    ],
    ids=["quotes", "commas", "lines", "rows", "open quote", "brackets"],
)
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_hostile_files_take_bounded_time(name, data):
    begun = time.thread_time()
    with pytest.raises(TableError):
        read_table(name, data)
    assert time.thread_time() - begun < 5  # 1 measured
