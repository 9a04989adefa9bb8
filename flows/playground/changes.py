"""What differs between two states of a session's settings, in the words of its page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.actions.chat_completion.action import PARAMETERS
from flows.playground.setup import LETTERS, WINDOW, Setup
from foundryflow.text_diff import DiffLine, diff_lines, fold_unchanged

NAMES = {
    "connection": "Connection",
    "model": "Deployment",
    "instructions": "Instructions",
    "prompt": "Prompt",
    "top_p": "Top P",
    "history_messages": "History, messages",
    "history_tokens": "History, tokens",
}


@dataclass(frozen=True)
class SettingsState:
    """Settings with the columns that override them, and the question they are for."""

    setup: Mapping[str, Any] = field(default_factory=dict)
    columns: Sequence[Mapping[str, Any]] = ()
    prompt: str = ""


@dataclass(frozen=True)
class SettingChange:
    label: str
    before: str
    after: str

    @property
    def lines(self) -> list[DiffLine | int]:
        """Those that differ with a few around them; a number stands for so many that are left out."""
        return fold_unchanged(diff_lines(self.before, self.after))


def changes_between(before: SettingsState, after: SettingsState) -> list[SettingChange]:
    """In the order of the page; what is the same is left out."""
    old, new = dict(labelled_settings(before)), dict(labelled_settings(after))
    labels = [*new, *(label for label in old if label not in new)]
    return [
        SettingChange(label, old.get(label, ""), new.get(label, ""))
        for label in labels
        if old.get(label, "") != new.get(label, "")
    ]


def labelled_settings(state: SettingsState) -> Iterator[tuple[str, str]]:
    """Each setting by its label."""
    yield from labelled_values(Setup.from_json(state.setup).to_json(), "")
    yield "Prompt", state.prompt
    for number, column in enumerate(state.columns):
        if number:
            yield f"Column {LETTERS[number]}", "compared"
        yield from labelled_values(column, f"Column {LETTERS[number]}, ")


def labelled_values(stored: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    """Those that are set; a column sets one by having it, be it empty."""
    unset = "empty" if prefix else ""
    for name in ("connection", "model", "instructions", "prompt"):
        if name in stored:
            yield setting_label(name, prefix), value_text(stored[name]) or unset
    for number, pair in enumerate(stored.get("examples") or [], 1):
        yield setting_label(f"example {number}, user", prefix), value_text(pair.get("user"))
        yield setting_label(f"example {number}, assistant", prefix), value_text(pair.get("assistant"))
    if stored.get("examples") == []:
        yield setting_label("examples", prefix), unset
    parameters = stored.get("parameters") or {}
    for name in PARAMETERS:
        if name in parameters:
            yield setting_label(name, prefix), value_text(parameters[name]) or unset
    for name in WINDOW:
        if name in stored:
            yield setting_label(name, prefix), value_text(stored[name]) or unset


def setting_label(name: str, prefix: str) -> str:
    words = NAMES.get(name, name.replace("_", " ").capitalize())
    return f"{prefix}{words[0].lower()}{words[1:]}" if prefix else words


def value_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
