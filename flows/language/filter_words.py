"""The filters of the template language as they are offered: how each is written, and what it does in one line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FilterWords:
    """`written` is what is put in behind a value and |, with arguments to change."""

    name: str
    written: str
    says: str


FILTER_WORDS = tuple(
    FilterWords(written.partition("(")[0], written, says)
    for written, says in (
        # What most people look for comes first.
        ("default('')", "takes another value where there is none"),
        ("truncate(200)", "cuts after 200 characters"),
        ("length", "counts characters of a text, items of a list"),
        ("join(', ')", "makes one text of a list"),
        ("tojson", "writes a value as JSON"),
        ("replace('old', 'new')", "replaces each place of a text"),
        ("trim", "takes away blanks at both ends"),
        ("lower", "writes it in small letters"),
        ("upper", "writes it in capitals"),
        ("capitalize", "begins with a capital"),
        ("title", "begins each word with a capital"),
        ("first", "the first item"),
        ("last", "the last item"),
        ("lines", "makes a list of the lines that are not blank"),
        ("split(',')", "makes a list, cut at each comma"),
        ("round(2)", "rounds to 2 digits"),
        ("int", "makes a whole number of a text"),
        ("float", "makes a number of a text"),
        ("string", "makes a text of any value"),
        ("bool", "true where there is something"),
        ("sum", "adds up numbers"),
        ("min", "the smallest item"),
        ("max", "the largest item"),
        ("abs", "without its sign"),
        ("sort", "in ascending order"),
        ("unique", "each item once"),
        ("reverse", "the other way round"),
        ("map(attribute='name')", "takes one part of each item"),
        ("selectattr('name', 'eq', 'x')", "keeps items of which a part passes a test"),
        ("rejectattr('name', 'eq', 'x')", "leaves out items of which a part passes a test"),
        ("select('gt', 0)", "keeps items that pass a test"),
        ("reject('none')", "leaves out items that pass a test"),
        ("batch(10)", "makes lists of 10 items each"),
        ("list", "makes a list of its items"),
        ("keys", "the names of an object"),
        ("values", "the values of an object"),
        ("items", "pairs of name and value of an object"),
        ("dictsort", "pairs of an object, sorted by name"),
        ("indent(4)", "indents its lines by 4 blanks"),
        ("urlencode", "writes it as a part of an address"),
    )
)
