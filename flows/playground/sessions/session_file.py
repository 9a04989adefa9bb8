"""The shape of the file that a session travels in, and a sentence for everything in it that is not of that shape."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field, ValidationError
from pydantic_core import PydanticCustomError

from flows.actions.chat_completion.action import PARAMETERS
from flows.language.json_schemas import MOST_PROBLEMS
from flows.playground.chat.images import MOST as MOST_IMAGES
from flows.playground.chat.images import BadImage, decode_image
from flows.playground.models import MOST_COLUMNS
from flows.playground.variables import NAME
from foundryflow.strict_json import UNSTORABLE, JsonError, read_json

FORMAT = "foundryflow-session/1"
LARGEST = 20 * 1024 * 1024  # bytes of a file
LONGEST = 1_000_000  # characters of one text
DEEPEST, MOST_PARTS = 40, 20_000  # levels and values of a value
MOST_TURNS, MOST_ANSWERS, MOST_VERSIONS, MOST_VARIABLES, MOST_EXAMPLES = 5_000, 300, 2_000, 500, 200
MOST_SAID = 20  # complaints that are shown

# What pydantic calls a complaint -> the words for it, behind the place.
WORDS = {
    "missing": "is missing.",
    "string_type": "is not a text.",
    "string_unicode": "has characters that no text can have.",
    "string_too_long": "is longer than {max_length:,} characters.",
    "bool_type": "is not true or false.",
    "int_type": "is not a whole number.",
    "float_type": "is not a number.",
    "int_parsing_size": "is too large a number.",
    "list_type": "is not a list.",
    "dict_type": "is not a JSON object.",
    "model_type": "is not a JSON object.",
    "too_long": "has more than {max_length:,} entries.",
    "too_short": "is empty.",
    "literal_error": "is not {expected}.",
    "greater_than_equal": "is less than {ge}.",
    "less_than_equal": "is more than {le:,}.",
    "refused": "{words}",
}


class SessionFileError(ValueError):
    """The file is no session; each problem says where and what."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def problem(words: str) -> PydanticCustomError:
    return PydanticCustomError("refused", "{words}", {"words": words})


def check_storable(text: str) -> str:
    """No database takes half a character, and PostgreSQL no null character."""
    if UNSTORABLE.search(text):
        raise problem("has characters that no text can have.")
    return text


def check_json(value: Any) -> Any:
    """JSON that every database takes, and no page is slow with."""
    left, seen = [(value, 0)], 0
    while left:
        part, depth = left.pop()
        seen += 1
        if seen > MOST_PARTS:
            raise problem(f"has more than {MOST_PARTS:,} values in it.")
        if depth > DEEPEST:
            raise problem(f"is nested deeper than {DEEPEST} levels.")
        if isinstance(part, str):
            check_storable(part)
        elif isinstance(part, float) and not math.isfinite(part):
            raise problem("has a number that is not finite.")
        elif isinstance(part, list):
            left += [(inner, depth + 1) for inner in part]
        elif isinstance(part, dict):
            left += [(inner, depth + 1) for inner in (*part, *part.values())]
    return value


def check_names(variables: dict[str, Any]) -> dict[str, Any]:
    if strange := next((name for name in variables if not re.fullmatch(NAME, name)), None):
        raise problem(f"has the name {strange[:60]!r}. Use letters, digits and _, and begin with a letter.")
    return variables


def check_columns(prompts: dict[str, str]) -> dict[str, str]:
    if strange := next((key for key in prompts if key not in map(str, range(MOST_COLUMNS))), None):
        raise problem(f"has the key {strange[:60]!r}; columns have the numbers 0 to {MOST_COLUMNS - 1}.")
    return prompts


def known_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name in PARAMETERS}


def check_image(uri: str) -> str:
    try:
        decode_image(uri)
    except BadImage:
        raise problem("is not a PNG, JPEG, GIF or WebP image as a data URI of at most 4 MB.") from None
    return uri


def session_name(name: str) -> str:
    if not name.strip():
        raise problem("is empty. Give the session a name.")
    return name.strip()


Text = Annotated[str, Field(max_length=LONGEST), AfterValidator(check_storable)]
Line = Annotated[str, Field(max_length=200), AfterValidator(check_storable)]
Warning = Annotated[str, Field(max_length=500), AfterValidator(check_storable)]
Json = Annotated[Any, AfterValidator(check_json)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Column = Annotated[int, Field(ge=0, le=MOST_COLUMNS - 1)]
Image = Annotated[str, AfterValidator(check_image)]
Variables = Annotated[dict[str, Json], Field(max_length=MOST_VARIABLES), AfterValidator(check_names)]
Parameters = Annotated[dict[str, Json], AfterValidator(known_parameters)]
Milliseconds = Annotated[float, Field(ge=0, le=1e12)]


class Entry(BaseModel):
    """Nothing is converted; what is not known is left out. A list inside a turn ends at its first mistake (FailFast),
    so that no file makes millions of them."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class ExampleEntry(Entry):
    user: Text = ""
    assistant: Text = ""


class SetupEntry(Entry):
    connection: Line = ""
    model: Line = ""
    instructions: Text = ""
    examples: Annotated[list[ExampleEntry], Field(max_length=MOST_EXAMPLES), FailFast()] = []
    parameters: Parameters = {}
    history_messages: Count | None = None
    history_tokens: Count | None = None


class ColumnEntry(SetupEntry):
    """What is not there is not overridden."""

    prompt: Text = ""


class UsageEntry(Entry):
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    cached_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    estimated_tokens: Count | None = None


class RepairEntry(Entry):
    """The answer that another one replaced."""

    answer: Text = ""
    problems: Annotated[list[Text], Field(max_length=MOST_PROBLEMS), FailFast()] = []
    usage: UsageEntry | None = None
    corrected_usage: UsageEntry | None = None


class FactsEntry(Entry):
    """Those that an answer keeps of its call."""

    connection: Line | None = None
    connection_reason: Text | None = None
    host: Text | None = None
    model: Line | None = None
    model_requested: Line | None = None
    status: Count | None = None
    finish_reason: Line | None = None
    request_id: Text | None = None
    first_token_ms: Milliseconds | None = None
    total_ms: Milliseconds | None = None
    reasoning: Text | None = None
    repair: RepairEntry | None = None


class FailureEntry(Entry):
    kind: Text = ""
    message: Text = ""
    hint: Text | None = None
    status: Count | None = None
    request_id: Text | None = None


class AnswerEntry(Entry):
    column: Column = 0
    number: Annotated[int, Field(ge=1, le=30_000)] = 1
    chosen: bool = True
    winner: bool = False
    edited: bool = False
    state: Literal["succeeded", "failed", "cancelled"] = "succeeded"
    text: Text = ""
    facts: FactsEntry = FactsEntry()
    usage: UsageEntry | None = None
    warning: Warning = ""
    error: FailureEntry | None = None
    setup: SetupEntry = SetupEntry()


class TurnEntry(Entry):
    id: Annotated[int, Field(ge=1, le=2**53)]
    parent: int | None = None
    prompt: Text
    prompts: Annotated[dict[str, Text], AfterValidator(check_columns)] = {}
    images: Annotated[list[Image], Field(max_length=MOST_IMAGES), FailFast()] = []
    variables: Variables = {}
    answers: Annotated[list[AnswerEntry], Field(max_length=MOST_ANSWERS), FailFast()] = []


class VersionEntry(Entry):
    setup: SetupEntry
    columns: Annotated[list[ColumnEntry], Field(min_length=1, max_length=MOST_COLUMNS)] = [ColumnEntry()]
    prompt: Text = ""
    note: Line = ""


class SessionFile(Entry):
    name: Annotated[Line, AfterValidator(session_name)]
    setup: SetupEntry = SetupEntry()
    columns: Annotated[list[ColumnEntry], Field(min_length=1, max_length=MOST_COLUMNS)] = [ColumnEntry()]
    comparing: bool = False
    variables: Variables = {}
    draft: Text = ""
    head: int | None = None
    turns: Annotated[list[TurnEntry], Field(max_length=MOST_TURNS)] = []
    versions: Annotated[list[VersionEntry], Field(max_length=MOST_VERSIONS)] = []


def read_session_file(content: bytes) -> SessionFile:
    """Raises SessionFileError."""
    data = parse_file(content)
    if not isinstance(data, dict):
        raise SessionFileError([f'The file is not a JSON object. A session begins with {{"format": "{FORMAT}", …}}.'])
    if data.get("format") != FORMAT:
        raise SessionFileError([f"format is {str(data.get('format'))[:60]!r}; this server reads {FORMAT!r}."])
    try:
        file = SessionFile.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise SessionFileError(first_problems([problem_sentence(dict(each)) for each in found])) from None
    if problems := list(tree_problems(file)):
        raise SessionFileError(first_problems(problems))
    return file


def parse_file(content: bytes) -> Any:
    if len(content) > LARGEST:
        raise SessionFileError(["The file is larger than 20 MB. Leave out images, or export a fork of one branch."])
    try:
        return read_json(content)
    except JsonError as error:
        if error.line is None:
            raise SessionFileError([f"The file {error.what}. Choose a session exported as JSON."]) from None
        raise SessionFileError(
            [f"Line {error.line}: {error.what}. Export the session again, or mend this line."]
        ) from None


def first_problems(problems: list[str]) -> list[str]:
    more = len(problems) - MOST_SAID
    return problems if more <= 0 else [*problems[:MOST_SAID], f"{more:,} more of this kind."]


def problem_sentence(complaint: dict[str, Any]) -> str:
    words = WORDS.get(complaint["type"], "{said}.")
    return f"{place_of(complaint['loc'])}: {words.format(said=complaint['msg'], **complaint.get('ctx', {}))}"


def place_of(path: tuple[str | int, ...]) -> str:
    """turns[3].answers[0].text"""
    found = ""
    for step in path:
        found += f"[{step}]" if isinstance(step, int) else f".{step[:60]}" if found else step[:60]
    return found


def tree_problems(file: SessionFile) -> Iterator[str]:
    """What is wrong between the turns of a tree and between the tries of a column."""
    seen: set[int] = set()
    for at, turn in enumerate(file.turns):
        if turn.id in seen:
            yield f"turns[{at}].id: {turn.id} is there twice."
        if turn.parent is not None and turn.parent not in seen:
            yield f"turns[{at}].parent: there is no turn {turn.parent} before this one."
        seen.add(turn.id)
        tries = [(answer.column, answer.number) for answer in turn.answers]
        chosen = [answer.column for answer in turn.answers if answer.chosen]
        if len(set(tries)) < len(tries):
            yield f"turns[{at}].answers: two answers of a column have the same number."
        if len(set(chosen)) < len(chosen):
            yield f"turns[{at}].answers: two answers of a column are chosen."
    if file.head is not None and file.head not in seen:
        yield f"head: there is no turn {file.head}."
