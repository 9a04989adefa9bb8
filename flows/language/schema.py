"""Whether JSON has the shape of a flow: each complaint says where, why and what to do.

Only the shape is looked at. What a property holds is the business of lint, so a broken value never keeps
anybody from opening a flow.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from flows.language.secret_parts import MOST, PathError, parse_paths

FORMAT = "foundryflow/1"
MOST_ACTIONS, DEEPEST, LARGEST = 5_000, 20, 5 * 1024 * 1024  # actions, levels, bytes of JSON

Json = dict[str, Any]


def shape_problems(data: object) -> Iterator[str]:
    if not isinstance(data, dict):
        yield 'The document is not a JSON object. A flow begins with {"format": "foundryflow/1", ...}.'
        return
    if data.get("format") != FORMAT:
        yield f"format is {data.get('format')!r}; this server reads {FORMAT!r}."
    name = data.get("name")
    if not isinstance(name, str) or not name.strip() or len(name) > 200:
        yield "name is missing or longer than 200 characters. Give the flow a name."
    yield from check_inputs(data.get("inputs"))
    counter = [0]
    yield from check_settings(data.get("settings"))
    yield from check_actions(data.get("actions"), "actions", 0, set(), counter)
    if counter[0] <= MOST_ACTIONS:
        yield from check_size(data)


def check_size(data: Json) -> Iterator[str]:
    try:
        size = len(json.dumps(data))
    except (TypeError, ValueError, RecursionError):
        yield "The document is not plain JSON, or nested too deeply. Export the flow again."
        return
    if size > LARGEST:
        yield "The document is larger than 5 MB. Split it into several flows."


def check_inputs(inputs: object) -> Iterator[str]:
    if inputs is None:
        return
    if not isinstance(inputs, list):
        yield "inputs is not a list."
        return
    seen: set[str] = set()
    for at, declared in enumerate(inputs):
        name = declared.get("name") if isinstance(declared, dict) else None
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            yield f"inputs[{at}]: name {name!r} is not a name. Use letters, digits and _, and begin with a letter."
        elif name == "inputs":
            yield f"inputs[{at}]: the name inputs stands for all inputs together. Rename it."
        elif name in seen:
            yield f"inputs[{at}]: {name} is there twice. Rename one of them."
        else:
            seen.add(name)
            yield from check_secret_parts(declared.get("secret_parts"), f"inputs[{at}]")


def check_secret_parts(paths: object, where: str) -> Iterator[str]:
    if paths is None:
        return
    if not isinstance(paths, list) or len(paths) > MOST or not all(isinstance(path, str) for path in paths):
        yield f"{where}: secret_parts is not a list of at most {MOST} paths such as customers[*].key."
        return
    try:
        parse_paths(paths)
    except PathError as error:
        yield f"{where}: secret_parts: {error}"


def check_actions(actions: object, where: str, depth: int, ids: set[str], counter: list[int]) -> Iterator[str]:
    if actions is None:
        return
    if not isinstance(actions, list):
        yield f"{where} is not a list."
        return
    if depth > DEEPEST:
        yield f"{where}: nested deeper than {DEEPEST} levels. Move the inner part to a flow of its own."
        return
    for at, action in enumerate(actions):
        here = f"{where}[{at}]"
        counter[0] += 1
        if counter[0] > MOST_ACTIONS:
            yield f"{here}: more than {MOST_ACTIONS:,} actions. Split the flow."
            return
        if not isinstance(action, dict):
            yield f"{here} is not a JSON object."
            continue
        yield from check_id(action, here, ids)
        if not isinstance(action.get("type"), str) or not action["type"]:
            yield f"{here}: type is missing. Name the action type, such as chat_completion."
        if not isinstance(action.get("properties") or {}, dict):
            yield f"{here}: properties is not a JSON object."
        yield from check_retry(action.get("retry"), here)
        yield from check_number(action.get("timeout"), f"{here}: timeout", 0.1, 86_400)
        yield from check_branches(action.get("branches"), here, depth, ids, counter)


def check_retry(retry: object, where: str) -> Iterator[str]:
    if retry is None:
        return
    if not isinstance(retry, dict):
        yield f"{where}: retry is not a JSON object."
        return
    yield from check_number(retry.get("attempts"), f"{where}: retry.attempts", 1, 10)
    yield from check_number(retry.get("delay"), f"{where}: retry.delay", 0, 3_600)
    yield from check_number(retry.get("backoff"), f"{where}: retry.backoff", 1, 10)
    kinds = retry.get("on") or []
    if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
        yield f"{where}: retry.on is not a list of kinds of errors."


def check_number(value: object, what: str, least: float, most: float) -> Iterator[str]:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        yield f"{what} {value!r} is not a number from {least:g} to {most:g}."


def check_settings(settings: object) -> Iterator[str]:
    if settings is None:
        return
    if not isinstance(settings, dict):
        yield "settings is not a JSON object."
        return
    yield from check_number(settings.get("deadline"), "settings.deadline", 1, 30 * 86_400)
    yield from check_number(settings.get("concurrency"), "settings.concurrency", 1, 1_000)


def check_branches(branches: object, where: str, depth: int, ids: set[str], counter: list[int]) -> Iterator[str]:
    if branches is None:
        return
    if not isinstance(branches, list):
        yield f"{where}.branches is not a list."
        return
    own: set[str] = set()  # of two loops, each may have its "body"
    for at, branch in enumerate(branches):
        here = f"{where}.branches[{at}]"
        if not isinstance(branch, dict):
            yield f"{here} is not a JSON object."
            continue
        yield from check_id(branch, here, own)
        yield from check_actions(branch.get("actions"), f"{here}.actions", depth + 1, ids, counter)


def check_id(node: Json, where: str, ids: set[str]) -> Iterator[str]:
    id = node.get("id")
    if not isinstance(id, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", id):
        yield f"{where}: id {id!r} is missing or not made of letters, digits, _ and -."
    elif id in ids:
        yield f"{where}: the id {id!r} is there twice. Rename one of them."
    else:
        ids.add(id)
