"""How a program calls a flow, as lines of a shell and as Python. Secrets stand there as names of environment
variables, the key of the API as FOUNDRYFLOW_KEY, and files as paths: a flow with files is called with a form."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flows.api.multipart import INPUTS, SWITCHES, TEXTS
from flows.interpreter.inputs import has_stored_default
from flows.language.nodes import Input
from flows.language.stored_secrets import is_stored

KEY = "FOUNDRYFLOW_KEY"
LONGEST = 2_000  # characters of a default that an example shows
SAMPLES: dict[str, Any] = {"number": 1, "boolean": True, "list": [], "object": {}}
PLAIN_PATH = re.compile(r"[\w./ -]+")  # that curl reads as it is


@dataclass(frozen=True)
class CallExample:
    """One way to call, in both languages."""

    title: str
    note: str
    curl: str
    python: str


def sample_inputs(inputs: Iterable[Input]) -> dict[str, Any]:
    """A value for each input that a caller gives: its default, else one of its type. A secret that has a stored default
    is left out."""
    return {each.name: sample_of(each) for each in inputs if not has_stored_default(each)}


def sample_of(declared: Input) -> Any:
    if declared.type == "secret":
        return EnvironmentValue(environment_name(declared.name))
    default = None if declared.may_hold_secret else declared.default
    if default not in (None, "") and not is_stored(default) and len(json.dumps(default)) <= LONGEST:
        return default
    if declared.type == "connection":
        return "name of a connection"
    if declared.type == "file":
        return FilePath(f"{declared.name}.pdf")
    return SAMPLES.get(declared.type, f"your {declared.name.replace('_', ' ')}")


def environment_name(name: str) -> str:
    """api key 2 -> API_KEY_2."""
    plain = re.sub(r"[^A-Z0-9_]", "_", name.upper())[:100]
    return f"_{plain}" if plain[:1].isdigit() or not plain.strip("_") else plain


class EnvironmentValue(str):
    """The name of an environment variable, in the place of its value, at whatever depth of an input."""

    def __repr__(self) -> str:
        return f"os.environ[{json.dumps(self)}]"


class FilePath(str):
    """Where the file is that is sent as an input."""


def holds_files(inputs: Mapping[str, Any]) -> bool:
    return any(isinstance(value, FilePath) for value in inputs.values())


def environment_values(value: Any) -> list[EnvironmentValue]:
    """All that are in a value, each once."""
    if isinstance(value, EnvironmentValue):
        return [value]
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return list(dict.fromkeys(found for inner in inside for found in environment_values(inner)))


def body_in_shell(inputs: Mapping[str, Any], **more: Any) -> str:
    """A body of JSON as one word of a shell, which puts the values of its environment in."""
    marks = {value: f"@{number}@{value}@" for number, value in enumerate(environment_values(inputs))}
    word = shlex.quote(json.dumps({"inputs": with_marks(inputs, marks), **more}, ensure_ascii=False))
    for value, mark in marks.items():
        word = word.replace(mark, f"'\"${value}\"'")
    return word


def with_marks(value: Any, marks: Mapping[EnvironmentValue, str]) -> Any:
    match value:
        case EnvironmentValue():
            return marks[value]
        case dict():
            return {name: with_marks(inner, marks) for name, inner in value.items()}
        case list():
            return [with_marks(inner, marks) for inner in value]
    return value


def start_in_shell(
    url: str, inputs: Mapping[str, Any], *, headers: Iterable[str] = (), options: str = "", **more: Any
) -> str:
    """The command that starts a flow. `more` is what a body says beside the inputs."""
    if holds_files(inputs):
        return curl(url, form=form_in_shell(inputs, more), headers=headers, options=options)
    return curl(url, body=body_in_shell(inputs, **more), headers=headers, options=options)


def form_in_shell(inputs: Mapping[str, Any], more: Mapping[str, str]) -> list[str]:
    """The options of curl that make up a form. Null is said by leaving an input out."""
    marks = {value: f"@{number}@{value}@" for number, value in enumerate(environment_values(inputs))}
    options = []
    for name, value in [*((form_name(name), value) for name, value in inputs.items()), *more.items()]:
        if isinstance(value, FilePath):
            path = value if PLAIN_PATH.fullmatch(value) else json.dumps(value, ensure_ascii=False)
            options.append(f"-F {shlex.quote(f'{name}=@{path}')}")
        elif value is not None:
            text = form_text(with_marks(value, marks))
            word = "'" + f"{name}={text}".replace("'", "'\"'\"'") + "'"
            for environment, mark in marks.items():
                word = word.replace(mark, f"'\"${environment}\"'")
            options.append(f"--form-string {word}")
    return options


def form_name(name: str) -> str:
    """An input in a form; some names mean something else there."""
    return f"{INPUTS}{name}" if name in (*TEXTS, *SWITCHES) else name


def form_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def curl(
    url: str,
    *,
    body: str = "",
    form: Iterable[str] = (),
    method: str = "",
    headers: Iterable[str] = (),
    options: str = "",
) -> str:
    """A command in lines. `body` is a word of a shell, `form` are options of curl."""
    parts = [f"curl {options}{f'-X {method} ' if method else ''}{shlex.quote(url)}"]
    parts.append(f'-H "Authorization: Bearer ${KEY}"')
    parts += [f'-H "{header}"' for header in headers]
    if body:
        parts += ['-H "Content-Type: application/json"', f"-d {body}"]
    parts += form
    return " \\\n  ".join(parts)


def python_value(value: Any) -> str:
    is_text = isinstance(value, str) and not isinstance(value, EnvironmentValue)
    return json.dumps(value, ensure_ascii=False) if is_text else repr(value)


def python_body(inputs: Mapping[str, Any]) -> str:
    """Lines that name what is sent: `inputs`, and where there are any `files`."""
    if not holds_files(inputs):
        return python_dictionary("inputs", {name: python_value(value) for name, value in inputs.items()})
    files = {form_name(name): value for name, value in inputs.items() if isinstance(value, FilePath)}
    fields = {form_name(name): value for name, value in inputs.items() if not isinstance(value, FilePath)}
    told = {name: python_field(value) for name, value in fields.items() if value is not None}
    opened = {name: f'open({json.dumps(path, ensure_ascii=False)}, "rb")' for name, path in files.items()}
    return f"{python_dictionary('inputs', told)}\n{python_dictionary('files', opened)}"


def python_dictionary(name: str, values: Mapping[str, str]) -> str:
    lines = "".join(f"    {json.dumps(key)}: {value},\n" for key, value in values.items())
    return f"{name} = {{\n{lines}}}" if lines else f"{name} = {{}}"


def python_field(value: Any) -> str:
    """A field of a form: lists and objects are JSON there."""
    return f"json.dumps({value!r})" if isinstance(value, dict | list) else python_value(value)


def python_arguments(inputs: Mapping[str, Any], more: Mapping[str, str]) -> str:
    """What `requests` is told to send, in lines."""
    keywords = "".join(f', "{name}": {python_value(value)}' for name, value in more.items())
    if not holds_files(inputs):
        return f'json={{"inputs": inputs{keywords}}}'
    return f"data={{**inputs{keywords}}},\n    files=files" if more else "data=inputs,\n    files=files"


def examples_of_flow(base: str, slug: str, inputs: Iterable[Input]) -> list[CallExample]:
    """Start and wait, start and follow, and start exactly once."""
    samples, flow = sample_inputs(inputs), f"{base}/api/flows/{slug}"
    body = python_arguments(samples, {})
    return [
        CallExample(
            "Start and wait",
            "Answers with the run and its output once it has ended; after 300 seconds with 202, and the run goes on.",
            start_in_shell(f"{flow}/run?timeout=300", samples),
            python_call(samples, WAIT.format(url=f"{flow}/run", body=body, params="")),
        ),
        CallExample(
            "Start and follow the stream",
            "Server-sent events: run, action, text, log, end. What a model writes comes as text while it is written.",
            start_in_shell(f"{flow}/stream", samples, options="-N "),
            python_call(samples, STREAM.format(url=f"{flow}/stream", body=body), "json"),
        ),
        CallExample(
            "Start exactly once",
            "Answers at once with 202 and where to look. The same Idempotency-Key gives the same run, so that the call"
            " can be repeated when no answer came. Asking for the run takes the scope read.",
            "\n".join(
                [
                    "ORDER=4711  # what the run is about",
                    start_in_shell(f"{flow}/submit", samples, headers=["Idempotency-Key: order-$ORDER"]),
                    "",
                    "# the number of the run is in the answer",
                    curl(f"{base}/api/runs/NUMBER"),
                ]
            ),
            python_call(samples, ONCE.format(url=f"{flow}/submit", body=body, runs=f"{base}/api/runs"), "time"),
        ),
    ]


def example_of_run(
    base: str, slug: str, inputs: Mapping[str, Any], customer: str = "", *, draft: bool = False
) -> CallExample:
    """Start a flow with these inputs, and wait. `draft`: not what is published."""
    query = {"timeout": "300", **({"revision": "draft"} if draft else {})}
    url, more = f"{base}/api/flows/{slug}/run", {"customer": customer} if customer else {}
    shell = start_in_shell(f"{url}?{urlencode(query)}", inputs, **more)
    params = ', "revision": "draft"' if draft else ""
    call = WAIT.format(url=url, body=python_arguments(inputs, more), params=params)
    return CallExample("Start and wait", "", f"{shell}\n", python_call(inputs, call))


def python_call(inputs: Mapping[str, Any], call: str, *modules: str) -> str:
    body = python_body(inputs)
    used = ["json"] if "json.dumps(" in body else []
    imports = "\n".join(f"import {name}" for name in sorted({"os", *modules, *used}))
    headers = f'headers = {{"Authorization": f"Bearer {{os.environ[\'{KEY}\']}}"}}'
    return f"{imports}\n\nimport requests\n\n{headers}\n{body}\n{call}"


WAIT = """\
answer = requests.post(
    "{url}",
    params={{"timeout": 300{params}}},
    headers=headers,
    {body},
    timeout=330,
)
answer.raise_for_status()
run = answer.json()
print(run["state"], run["output"])
"""
STREAM = """\
with requests.post(
    "{url}",
    headers=headers,
    {body},
    stream=True,
    timeout=(10, 60),
) as answer:
    answer.raise_for_status()
    answer.encoding = "utf-8"
    for line in answer.iter_lines(decode_unicode=True):
        name, _, value = line.partition(": ")
        if name == "event":
            event = value
        elif name == "data" and event == "text":
            print(json.loads(value)["text"], end="", flush=True)
        elif name == "data" and event == "end":
            print("\\n", json.loads(value)["state"])
"""
ONCE = """\
headers["Idempotency-Key"] = "order-4711"  # what the run is about
answer = requests.post(
    "{url}",
    headers=headers,
    {body},
    timeout=30,
)
answer.raise_for_status()
number = answer.json()["run"]
while True:
    run = requests.get(f"{runs}/{{number}}", headers=headers, timeout=30).json()
    if run["ended_at"]:
        break
    time.sleep(1)
print(run["state"], run["output"])
"""
