"""All of the System page as text, for a report: no secret is in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.utils import timezone

from foundryflow import retention
from foundryflow.system import sheets
from foundryflow.system.notes import SystemNote
from foundryflow.system.setup_sheets import disk_sheet
from foundryflow.system.sheet_parts import SystemCell, SystemSheet
from foundryflow.system.snapshot import SystemSnapshot
from foundryflow.version import VERSION

LABEL = 20  # characters of a label


def text_of(snapshot: SystemSnapshot, notes: Sequence[SystemNote]) -> str:
    here = timezone.localtime(snapshot.at)
    parts = [f"FoundryFlow {VERSION}, {here:%Y-%m-%d %H:%M:%S %Z}"]
    parts += [f"{'Bad' if note.is_bad else 'Warning'}: {note}" for note in notes] or ["Nothing is wrong."]
    for sheet in (*sheets.left_sheets(snapshot), *sheets.right_sheets(snapshot)):
        parts += ["", *sheet_lines(sheet)]
    parts += ["", "Retention", *retention_lines(), "", *sheet_lines(disk_sheet(snapshot))]
    return "\n".join(parts) + "\n"


def sheet_lines(sheet: SystemSheet) -> Iterator[str]:
    yield f"{sheet.title}: {sheet.pill.text}" if sheet.pill else sheet.title
    for row in sheet.rows:
        whole = f" ({row.whole})" if row.whole and row.whole != row.value.text else ""
        yield line_of(row.label, f"{row.value.text}{whole}")
    for name, *cells in sheet.table:
        told = [
            f"{column.lower()} {cell.text}"
            for column, cell in zip(sheet.columns[2:], cells[1:], strict=True)
            if cell.text
        ]
        yield line_of(cell_text(name), ", ".join([cells[0].text, *told]))


def cell_text(cell: SystemCell) -> str:
    return " ".join(filter(None, (cell.text, cell.code, f"on {cell.below}" if cell.below else "")))


def line_of(label: str, value: str) -> str:
    return f"  {label:<{LABEL}} {value}"


def retention_lines() -> list[str]:
    return [line_of(each.title, retention.words_of(each.days())) for each in (retention.RUNS, retention.AUDIT_LOG)]
