"""The inputs of a run from the command line: as JSON, secret ones from standard input or a terminal, and files."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from flows.language.document import Document
from flows.language.files import FileRefused, GivenFile, check_together, read_file
from flows.models.run_file import file_limits
from foundryflow.strict_json import JsonError, storable_json


class InputReader:
    """Reads the inputs of one run of a document, and says on `stderr` what somebody should know about secrets."""

    def __init__(self, document: Document, stderr: OutputWrapper) -> None:
        self._secret = {declared.name: declared for declared in document.inputs if declared.type == "secret"}
        self._files = [declared.name for declared in document.inputs if declared.type == "file"]
        self._stderr = stderr

    def read(self, text: str, names: list[str], files: list[str]) -> dict[str, Any]:
        """The inputs in `text` (JSON, or - for standard input), the secret ones that are `names`, or required, and
        `files`, a NAME=PATH each. Raises CommandError."""
        self._check_names(names)
        values = self._read_values(text, names)
        if typed := next((name for name in self._files if values.get(name) is not None), ""):
            raise CommandError(f"{typed} is a file: --file {typed}=PATH.")
        return {**values, **self._read_files(files)}

    def _read_files(self, files: list[str]) -> dict[str, GivenFile]:
        read: dict[str, GivenFile] = {}
        for word in files:
            name, _, path = word.partition("=")
            if name not in self._files or not path:
                known = ", ".join(self._files) or "none"
                raise CommandError(f"--file takes NAME=PATH, with an input of type file. These are: {known}.")
            try:
                read[name] = read_file(path, Path(path).read_bytes(), file_limits())
                check_together(read.values(), file_limits())
            except OSError as error:
                raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
            except FileRefused as error:
                raise CommandError(f"{path} {error}.") from None
        return read

    def _read_values(self, text: str, names: list[str]) -> dict[str, Any]:
        if text == "-":
            return {**read_secrets(names, self._stderr), **parse_inputs(sys.stdin.read())}
        inputs = parse_inputs(text)
        for name in self._secret.keys() & inputs.keys():
            self._warn(name)
        needed = [name for name, each in self._secret.items() if each.required and each.default in (None, "")]
        missing = [name for name in needed if name not in names and name not in inputs]
        return {**inputs, **read_secrets([*names, *missing], self._stderr)}

    def _check_names(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._secret:
                known = ", ".join(self._secret) or "none"
                words = f"There is no secret input {name.partition('=')[0]!r}; --secret takes a name only."
                raise CommandError(f"{words} Secret inputs: {known}.")

    def _warn(self, name: str) -> None:
        self._stderr.write(
            f"WARNING: {name} is a secret, and everybody on this machine can read the arguments of a process. "
            f"Leave it out of --input and pipe it: --secret {name} reads it from standard input."
        )


def read_secrets(names: Iterable[str], stderr: OutputWrapper) -> dict[str, str]:
    """In the order of the names, without echo."""
    return {name: read_secret(name, stderr) for name in names}


def read_secret(name: str, stderr: OutputWrapper) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"{name} (secret): ")
    stderr.write(f"Reading the secret input {name} from standard input.")
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise CommandError(f"The secret input {name} is missing: give it on standard input, a line for each.")
    return line


def parse_inputs(text: str) -> dict[str, Any]:
    try:
        inputs = storable_json(text)
    except JsonError as error:
        raise CommandError(f"--input is not JSON: {error}.") from None
    if not isinstance(inputs, dict):
        raise CommandError('--input must be a JSON object, such as {"question": "..."}.')
    return inputs
