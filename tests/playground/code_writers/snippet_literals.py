"""What compilers make of the literals in a source text; read by the rules of each language, not by ours."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from types import ModuleType

import tree_sitter
import tree_sitter_c_sharp
import tree_sitter_go
import tree_sitter_java

from flows.playground.code_writers import Language

GRAMMARS: dict[Language, ModuleType] = {
    Language.CSHARP: tree_sitter_c_sharp,
    Language.GO: tree_sitter_go,
    Language.JAVA: tree_sitter_java,
}
LITERALS = ("string_literal", "raw_string_literal", "interpreted_string_literal")
SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "s": " ", "0": "\0", "a": "\a", "v": "\v", '"': '"', "'": "'", "\\": "\\"}  # fmt: skip


def parsed(language: Language, source: str) -> tree_sitter.Node:
    grammar = tree_sitter.Language(GRAMMARS[language].language())
    return tree_sitter.Parser(grammar).parse(source.encode()).root_node


def literals(language: Language, source: str) -> list[str]:
    """The values of all texts, in their order."""
    return [DECODERS[language](found) for found in literal_sources(parsed(language, source))]


def literal_sources(node: tree_sitter.Node) -> Iterator[str]:
    if node.type in LITERALS:
        assert node.text is not None
        yield node.text.decode()
        return
    for child in node.children:
        yield from literal_sources(child)


def java(source: str) -> str:
    """Unicode escapes first, then the literal; a text block without its indentation."""
    source = re.sub(r"(?<!\\)((?:\\\\)*)\\u+([0-9a-fA-F]{4})", lambda found: found[1] + chr(int(found[2], 16)), source)
    if source.startswith('"""'):
        source = textwrap.dedent(source.removeprefix('"""').removesuffix('"""').lstrip(" ").removeprefix("\n"))
    else:
        assert "\n" not in source
        assert "\r" not in source
        source = source[1:-1]
    octal = re.sub(r"\\([0-3][0-7]{2}|[0-7]{1,2}|.)", java_escape, source, flags=re.DOTALL)
    return paired(octal)


def java_escape(found: re.Match[str]) -> str:
    escape = found[1]
    return chr(int(escape, 8)) if escape[0] in "01234567" else SIMPLE[escape]


def csharp(source: str) -> str:
    if source.startswith('"""'):
        lines = source.removeprefix('"""').removesuffix('"""').split("\n")
        assert lines[0].strip() == ""
        indentation = lines[-1]
        assert indentation.strip() == ""
        assert all(line.startswith(indentation) for line in lines[1:])
        return "\n".join(line.removeprefix(indentation) for line in lines[1:-1])
    assert not re.search("[\n\r\u0085\u2028\u2029]", source)
    return paired(re.sub(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", escape_by_number, source[1:-1]))


def go(source: str) -> str:
    if source.startswith("`"):
        return source[1:-1].replace("\r", "")
    assert "\n" not in source
    assert "\ufeff" not in source
    return re.sub(r"\\(x[0-7][0-9a-fA-F]|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", escape_by_number, source[1:-1])


def escape_by_number(found: re.Match[str]) -> str:
    escape = found[1]
    return chr(int(escape[1:], 16)) if len(escape) > 1 else SIMPLE[escape]


def paired(text: str) -> str:
    """Two halves of a surrogate pair as one character."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


DECODERS = {Language.CSHARP: csharp, Language.GO: go, Language.JAVA: java}
