"""Who executes runs, what waits, and which keys the secrets need."""

from __future__ import annotations

from collections.abc import Sequence

from foundryflow.system.key_counts import KeyState
from foundryflow.system.notes import BAD, WARN, engine_kind, secrets_words
from foundryflow.system.processes import WORKER, KnownProcess, ProcessState
from foundryflow.system.sheet_parts import MUTE, OK, Link, SystemCell, SystemRow, SystemSheet
from foundryflow.system.snapshot import SystemSnapshot
from foundryflow.system.words import clock_words, second_words, size_words, span_words

ORDINALS = ("1st", "2nd", "3rd")
STYLES = {ProcessState.ANSWERING: OK, ProcessState.STOPPED: MUTE, ProcessState.NOT_HEARD: BAD}


def engine_sheet(snapshot: SystemSnapshot) -> SystemSheet:
    return SystemSheet(
        "engine",
        "Engine and workers",
        columns=("Process", "State", "Last heard", "Runs now", "Memory"),
        table=[process_cells(known) for known in snapshot.processes],
        pill=engine_pill(snapshot.processes),
        foot="" if snapshot.processes else "No process was heard yet. Each says every 5 seconds that it lives.",
    )


def process_cells(known: KnownProcess) -> list[SystemCell]:
    process, heard = known.process, clock_words(known.process.seen_at, seconds=True)
    return [
        SystemCell(str(process), below=process.host),
        SystemCell(known.state.value, MUTE if known.is_replaced else STYLES[known.state]),
        SystemCell(f"{heard}, in order" if known.state is ProcessState.STOPPED else heard),
        SystemCell(runs_words(known), is_number=True, unit="" if known.state is ProcessState.NOT_HEARD else "runs"),
        SystemCell(size_words(process.memory) if known.is_answering and process.memory else "", is_number=True),
    ]


def runs_words(known: KnownProcess) -> str:
    """What a process that fell silent has left is handed on by the others, if there are any."""
    process = known.process
    if known.state is not ProcessState.NOT_HEARD:
        return f"{process.runs:,}"
    if process.handed_on:
        return f"{process.handed_on:,} handed on"
    return f"{process.runs:,} to hand on" if process.runs else "0"


def engine_pill(processes: Sequence[KnownProcess]) -> SystemCell:
    """On SQLite the web process is the engine."""
    kind = engine_kind()
    engines = [known for known in processes if known.process.kind == kind and not known.is_replaced]
    answering = sum(known.is_answering for known in engines)
    if kind != WORKER:
        return SystemCell("Runs in the server", OK) if answering else SystemCell("Not running", BAD)
    if not engines:
        return SystemCell("No worker", BAD)
    style = OK if answering == len(engines) else WARN if answering else BAD
    if any(known.is_missed for known in engines) or not answering:
        return SystemCell(f"{answering} of {len(engines)} worker{'s' if len(engines) > 1 else ''}", style)
    return SystemCell(f"{answering} worker{'s' if answering > 1 else ''}", OK)


# Queue and keys


def queue_sheet(snapshot: SystemSnapshot) -> SystemSheet:
    queue = snapshot.queue
    waiting = queue.waiting.words("run")
    if queue.oldest_for is not None:
        waiting += f", the oldest for {span_words(queue.oldest_for)}"
    begun = "no run was started today"
    if queue.median is not None and queue.until is not None:
        begun = f"median {second_words(queue.median)}, today until {clock_words(queue.until)}"
    return SystemSheet(
        "queue",
        "Queue",
        [
            SystemRow("Waiting", SystemCell(waiting)),
            SystemRow("Waiting for quota", SystemCell(queue.for_quota.words("run"))),
            SystemRow("Took until started", SystemCell(begun)),
        ],
        link=Link("Runs", queue.address) if queue.address else None,
    )


def key_sheet(keys: KeyState) -> SystemSheet:
    ring = [key_cells(place, keys) for place in range(len(keys.fingerprints))]
    lost = [
        [SystemCell("Missing", code=name), SystemCell("Not in the ring", BAD), SystemCell("", is_number=True)]
        for name in keys.missing
    ]
    return SystemSheet(
        "keys",
        "Encryption keys",
        columns=("Key", "State", "Secrets under it"),
        table=ring + lost,
        pill=SystemCell(f"Rotation at {keys.percent} %", WARN) if keys.percent is not None else None,
        foot=key_foot(keys),
        command="manage.py rotate_encryption_key" if keys.behind else "",
    )


def key_cells(place: int, keys: KeyState) -> list[SystemCell]:
    name, counts = keys.fingerprints[place], keys.counts
    number = counts.by_key[name] if counts else 0
    if place == 0:
        state = SystemCell("Encrypts", OK)
    elif counts is None:
        state = SystemCell("Opens", MUTE)
    else:
        state = SystemCell("Still needed", WARN) if number else SystemCell("May go", MUTE)
    return [
        SystemCell(ordinal(place), code=name),
        state,
        SystemCell(f"{number:,}" if counts else "counting", is_number=True, unit="secrets"),
    ]


def ordinal(place: int) -> str:
    return ORDINALS[place] if place < len(ORDINALS) else f"{place + 1}th"


def key_foot(keys: KeyState) -> str:
    lost = keys.counts.unreadable if keys.counts else 0
    if keys.behind:
        which = "the 2nd key" if len(keys.fingerprints) == 2 else "former keys"
        are = "is" if keys.behind == 1 else "are"
        return f"{secrets_words(keys.behind)} {are} still under {which}. Afterwards it can be taken out. Go on with"
    if lost:
        return f"No key opens {secrets_words(lost)}: enter them again, or put the former key back."
    if keys.counts and len(keys.fingerprints) > 1:
        return "Everything is under the 1st key; the others can be taken out of FOUNDRYFLOW_ENCRYPTION_KEY."
    return ""
