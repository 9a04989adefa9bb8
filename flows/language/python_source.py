"""A function that people write in Python: which one it is, its parameters, and what is wrong with its text.

Nothing of it is executed here. Each function and each loop gets a mark, by which it can be said where it was when it
took too long: the sandbox tells the line of an exception, but not that of a limit.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache

LONGEST_CODE = 50_000  # characters
FUNCTION = "main"
MARK = "__line__"
TYPES = {"str": "text", "int": "number", "float": "number", "bool": "boolean", "list": "list", "dict": "object"}
# What the sandbox has; everything else that Python brings is missing there.
MODULES = frozenset(
    ("asyncio", "base64", "binascii", "bisect", "collections", "copy", "csv", "dataclasses", "datetime", "decimal",
     "functools", "hashlib", "itertools", "json", "math", "os", "os.path", "pathlib", "posixpath", "random", "re",
     "sys", "time", "tomllib", "typing", "unicodedata")
)  # fmt: skip
NO_FUNCTION = f"There is no function. Begin with def {FUNCTION}(text): and name what it needs."


class CodeError(ValueError):
    """What is wrong with the text of a function, in a sentence that begins with the line where that is known."""

    def __init__(self, sentence: str, line: int | None = None) -> None:
        super().__init__(sentence if line is None else f"Line {line}: {sentence}")
        self.line = line


@dataclass(frozen=True)
class Parameter:
    name: str
    type: str = "any"  # as variables have types
    required: bool = True
    default: str = ""  # as it is written


@dataclass(frozen=True)
class FunctionSource:
    """A text without mistakes. `marked` is what is executed, `lines` the line of the text for each line of that."""

    name: str
    parameters: tuple[Parameter, ...]
    takes_any: bool  # by **names
    marked: str
    lines: tuple[int, ...]
    only_print: int | None  # the line of the one call of print, where there is one

    @property
    def signature(self) -> str:
        return f"{self.name}({', '.join(parameter.name for parameter in self.parameters)})"

    def problem_with(self, names: Collection[str]) -> str:
        """Why values of these names are not what it takes, in a sentence; empty where they are."""
        if missing := next((each.name for each in self.parameters if each.required and each.name not in names), ""):
            return f"{self.name} needs a value for {missing}."
        known = {parameter.name for parameter in self.parameters}
        strange = "" if self.takes_any else next((name for name in names if name not in known), "")
        return f"{self.name} has no parameter {strange}." if strange else ""

    def line_of(self, marked_line: int) -> int | None:
        """The line of the text; None behind its end."""
        return self.lines[marked_line - 1] if 0 < marked_line <= len(self.lines) else None


@lru_cache(maxsize=256)
def read_source(code: str) -> FunctionSource:
    """Raises CodeError."""
    code = code.replace("\r\n", "\n").replace("\r", "\n")
    tree = parse_code(code)
    for line, sentence in unsupported(tree):
        raise CodeError(sentence, line)
    function = chosen_function(tree)
    marked, lines = with_marks(code, tree)
    prints = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Call) and is_print(node)]
    return FunctionSource(
        name=function.name,
        parameters=tuple(parameters_of(function)),
        takes_any=function.args.kwarg is not None,
        marked=marked,
        lines=tuple(lines),
        only_print=prints[0] if len(prints) == 1 else None,
    )


def parse_code(code: str) -> ast.Module:
    """Raises CodeError."""
    if len(code) > LONGEST_CODE:
        raise CodeError(f"The code is longer than {LONGEST_CODE:,} characters. Shorten it.")
    if "\0" in code:
        raise CodeError("The code holds a NUL character.")
    try:
        return ast.parse(code)
    except SyntaxError as error:
        raise CodeError(f"{capitalized(error.msg)}.", error.lineno) from None
    except (MemoryError, RecursionError):
        raise CodeError("The code is nested too deeply.") from None
    except ValueError:
        raise CodeError("The code holds half a character.") from None


def is_print(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "print"


def capitalized(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".")


def chosen_function(tree: ast.Module) -> ast.FunctionDef:
    """The one that is called `main`, else the last one. Raises CodeError."""
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    if not found:
        raise CodeError(NO_FUNCTION)
    chosen = next((node for node in reversed(found) if node.name == FUNCTION), found[-1])
    if isinstance(chosen, ast.AsyncFunctionDef):
        raise CodeError("Write def instead of async def: there is nothing to wait for.", chosen.lineno)
    if chosen.args.posonlyargs:
        raise CodeError("Leave out the / among the parameters: values are handed over by name.", chosen.lineno)
    return chosen


def parameters_of(function: ast.FunctionDef) -> Iterator[Parameter]:
    args = function.args
    defaults = [None] * (len(args.args) - len(args.defaults)) + list(args.defaults)
    for each, default in zip([*args.args, *args.kwonlyargs], [*defaults, *args.kw_defaults], strict=True):
        named = each.annotation.id if isinstance(each.annotation, ast.Name) else ""
        text = ast.unparse(default) if default is not None else ""
        yield Parameter(each.arg, TYPES.get(named, "any"), default is None, text[:100])


def unsupported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What Python has and the sandbox has not: (line, sentence)."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef() if node.bases or node.keywords:
                yield node.lineno, "A class that inherits from another one is not available here."
            case ast.Yield() | ast.YieldFrom():
                yield node.lineno, "Yield is not available here. Make a list, and return it."
            case ast.Delete():
                yield node.lineno, "Del is not available here. Use pop, or make a new value."
            case ast.AsyncFor() | ast.AsyncWith():
                yield node.lineno, "There is nothing to wait for. Leave out async."
            case ast.TryStar():
                yield node.lineno, "Groups of exceptions are not available here. Write except instead of except*."
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                yield node.lineno, "Name what is imported, instead of *."
            case ast.Import(names=names):
                yield from ((node.lineno, missing_module(each.name)) for each in names if each.name not in MODULES)
            case ast.ImportFrom(module=module) if node.level or (module or "") not in MODULES:
                if module not in ("__future__", "collections.abc"):
                    yield node.lineno, missing_module("." * node.level + (module or ""))


def missing_module(name: str) -> str:
    return f"There is no module {name} here. There are {', '.join(sorted(MODULES - {'os.path', 'posixpath'}))}."


def with_marks(code: str, tree: ast.Module) -> tuple[str, list[int]]:
    """The text with marks, and the line that each of its lines had."""
    lines = code.split("\n")
    marks = dict(mark_places(tree))
    made: list[str] = []
    origin: list[int] = []
    for number, line in enumerate(lines, 1):
        here = sorted((column, marked) for (at, column), marked in marks.items() if at == number)
        is_continued = number > 1 and lines[number - 2].endswith("\\")
        for column, marked in reversed(here):
            before, behind = line.encode()[:column].decode(), line.encode()[column:].decode()
            if before.strip():
                line = f"{before}{MARK}[0] = {marked}; {behind}"
            elif not is_continued:
                made.append(f"{before}{MARK}[0] = {marked}")
                origin.append(number)
        made.append(line)
        origin.append(number)
    return "\n".join(made), origin


def mark_places(tree: ast.Module) -> Iterator[tuple[tuple[int, int], int]]:
    """Where the first statement of each function and loop stands, line and byte, and the line that its mark says."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.For | ast.While):
            continue
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            if len(node.body) == 1:
                continue
            first = node.body[1]
        decorators = getattr(first, "decorator_list", [])
        yield (min([first.lineno, *(each.lineno for each in decorators)]), first.col_offset), node.lineno
