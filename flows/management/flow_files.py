"""Flows in a directory, a file each, named by the slug: what a repository of them holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.core.management.base import CommandError
from django.db import transaction

from flows.catalog import files
from flows.catalog.files import FlowFormat, ImportOutcome
from flows.language.document import DocumentError, parse
from flows.lint import linter
from flows.models import Flow, Revision, Room
from flows.models.audit import flow_subject, imported_words
from flows.models.flow import PAGES
from foundryflow.audit.record import COMMAND, record

ENDINGS = (".yaml", ".yml", ".json")
MOST_FILES = 5_000
SLUG = re.compile(r"[-a-z0-9_]{1,100}")


@dataclass(frozen=True)
class FlowFile:
    path: Path
    content: bytes
    calls: frozenset[str]  # slugs of the flows that it runs

    @property
    def slug(self) -> str:
        """What it is called here. Empty where its name can be no slug, so that the name of the flow decides."""
        slug = self.path.stem
        return slug if SLUG.fullmatch(slug) and slug not in PAGES else ""


@dataclass(frozen=True)
class ImportedFlow:
    flow: Flow
    outcome: ImportOutcome


def write_flow(flow: Flow, revision: Revision, path: Path, format: FlowFormat) -> bool:
    """Writes the file, unless it says the same already: False. Raises CommandError."""
    text = files.export_text(revision.document, format)
    try:
        if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
            return False
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
    record(COMMAND, "exported", flow_subject(flow), f"as {format.name}, r{revision.number}")
    return True


def create_directory(path: str) -> Path:
    """Raises CommandError."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"{path} is no directory that can be written: {error.strerror}.") from None
    return Path(path)


@transaction.atomic
def import_directory(directory: Path) -> list[ImportedFlow]:
    """All of its files, those first that others run; or none: raises CommandError with everything that is wrong."""
    problems: list[str] = []
    imported: list[ImportedFlow] = []
    for file in in_order_of_calls(read_files(directory, problems)):
        try:
            imported.append(import_content(file.content, file.slug))
        except DocumentError as error:
            problems += [f"{file.path.name}: {problem}" for problem in error.problems]
    if problems:
        raise CommandError("\n".join(["Nothing was imported.", *(f"  {problem}" for problem in problems)]))
    return imported


def import_content(content: bytes, slug: str = "") -> ImportedFlow:
    """Raises DocumentError."""
    if Flow.objects.exclude(room=Room.DESIGNER).filter(slug=slug).exists():
        slug = ""  # a session has it
    flow, outcome = files.import_flow(content, by=None, slug=slug)
    if outcome != ImportOutcome.UNCHANGED:
        record(COMMAND, "imported", flow_subject(flow), imported_words(flow, outcome == ImportOutcome.CREATED))
    return ImportedFlow(flow, outcome)


def read_files(directory: Path, problems: list[str]) -> list[FlowFile]:
    """Those that can be read; what is wrong with the others is added to the problems. Raises CommandError."""
    paths = sorted(path for path in directory.iterdir() if path.suffix in ENDINGS and path.is_file())
    if not paths:
        raise CommandError(f"There is no flow in {directory}: no file that ends in {', '.join(ENDINGS)}.")
    if len(paths) > MOST_FILES:
        raise CommandError(f"{directory} has more than {MOST_FILES:,} files. Is it the right one?")
    found: list[FlowFile] = []
    first: dict[str, Path] = {}  # by slug
    for path in paths:
        if (twin := first.setdefault(path.stem, path)) != path:
            problems.append(f"{path.name}: {twin.name} is the same flow. Delete one of them.")
            continue
        try:
            found.append(read_flow_file(path))
        except DocumentError as error:
            problems += [f"{path.name}: {problem}" for problem in error.problems]
    return found


def read_flow_file(path: Path) -> FlowFile:
    """Raises DocumentError."""
    try:
        if path.stat().st_size > files.LARGEST_FILE:
            raise DocumentError(["The file is larger than 5 MB."])
        content = path.read_bytes()
    except OSError as error:
        raise DocumentError([f"It cannot be read: {error.strerror}."]) from None
    document = parse(files.parse_file(content))
    return FlowFile(path, content, frozenset(slug for _, _, slug in linter.calls_in(document)))


def in_order_of_calls(found: list[FlowFile]) -> Iterator[FlowFile]:
    """Those first that others run: their inputs decide what is secret in the others. Circles as they come."""
    waiting = {file.path.stem: file for file in found}
    while waiting:
        free = [file for file in waiting.values() if not (file.calls - {file.path.stem}) & waiting.keys()]
        for file in free or list(waiting.values())[:1]:
            del waiting[file.path.stem]
            yield file
