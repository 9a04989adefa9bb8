"""Installations that tests back up and restore: each command is a process of its own, as operators start it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from foundryflow.backup.format import Manifest
from foundryflow.backup.read import open_backup
from tests.processes import LoadedCommands, installed_on, ran

# What a backup and a restore themselves write.
CHANGED = ("foundryflow_auditentry", "foundryflow_keycanary", "foundryflow_storedsetting")


class Installation:
    def __init__(self, url: str, folder: Path, **environment: str) -> None:
        self.environment = {**installed_on(url), **environment}
        self._folder, self._made = folder, 0

    @cached_property
    def _commands(self) -> LoadedCommands:
        return LoadedCommands(self.environment)

    def manage(self, *arguments: str, **environment: str) -> tuple[int, str]:
        where = {**self.environment, **environment} if environment else self._commands
        return ran(["manage.py", *arguments], 120, where)

    def run_module(self, module: str, *arguments: str) -> None:
        code, said = ran(["-m", module, *arguments], 120, self._commands)
        assert code == 0, said

    def run_script(self, script: str, *arguments: str) -> None:
        """In a process that has loaded nothing."""
        code, said = ran(["-c", script, *arguments], 120, self.environment)
        assert code == 0, said

    def fill(self) -> None:
        self.run_module("tests.foundryflow.backup.filling")

    def back_up(self, name: str = "") -> Path:
        self._made += 1
        file = self._folder / (name or f"{abs(hash(self.environment['FOUNDRYFLOW_DATABASE_URL']))}-{self._made}.backup")
        code, said = self.manage("backup", str(file))
        assert code == 0, said
        return file

    def restore(self, file: Path, *arguments: str) -> str:
        code, said = self.manage("restore", str(file), *arguments)
        assert code == 0, said
        return said


def manifest_of(file: Path) -> Manifest:
    with open_backup(file) as backup:
        return backup.manifest


def digests(file: Path) -> Mapping[str, Any]:
    """Of each table what its rows are, and the last number that it gave."""
    parts = manifest_of(file).parts
    return {part.table.name: (part.sha256, part.last_id) for part in parts if part.table.name not in CHANGED}


def rows_of(file: Path) -> dict[str, list[list[Any]]]:
    """All rows, with JSON as what it says: PostgreSQL keeps neither its spaces nor the order of its names."""
    found = {}
    with open_backup(file) as backup:
        for part in backup.manifest.parts:
            if part.table.name not in CHANGED:
                kinds = [column.kind for column in part.table.columns]
                found[part.table.name] = [
                    [
                        read_json(value) if kind == "json" and value is not None else value
                        for kind, value in zip(kinds, row, strict=True)
                    ]
                    for row in backup.rows(part)
                ]
    return found


def read_json(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)
