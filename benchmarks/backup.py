"""Backup and restore of a million runs: seconds, memory and size, beside a bare loop that copies the same rows.

python -m benchmarks.backup [--postgres] [--runs 1000000]
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import time
from argparse import ArgumentParser
from contextlib import closing
from pathlib import Path

from benchmarks.million import people_and_flows, seed
from benchmarks.stage import FOLDER, set_up

MEGABYTE = 10**6


def command(*arguments: str, **environment: str) -> tuple[float, float]:
    """Seconds of one of our commands, and the megabytes of memory that it took at most."""
    began, most = time.perf_counter(), 0
    process = subprocess.Popen(
        [sys.executable, "manage.py", *arguments], env={**os.environ, **environment}, stderr=subprocess.DEVNULL
    )
    while process.poll() is None:
        # What `wait4` tells begins with the memory of this process, which is copied before the other program starts.
        if found := re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text()):
            most = max(most, int(found[1]))
        time.sleep(0.05)
    assert process.returncode == 0, arguments
    return time.perf_counter() - began, most * 1024 / MEGABYTE


def copy_bare(tables: list[str]) -> float:
    """Seconds of reading every row and writing it into tables without indexes: no format, no checks, no packing."""
    from django.db import connection

    began = time.perf_counter()
    if connection.vendor == "postgresql":
        with closing(connection.copy()) as second, connection.cursor() as cursor, second.cursor() as other:
            for table in tables:
                other.execute(f'CREATE TABLE "bare_{table}" AS SELECT * FROM "{table}" LIMIT 0')
                with (
                    cursor.copy(f'COPY "{table}" TO STDOUT') as rows,
                    other.copy(f'COPY "bare_{table}" FROM STDIN') as copied,
                ):
                    for some in rows:
                        copied.write(some)
        return time.perf_counter() - began
    with (
        closing(sqlite3.connect(connection.settings_dict["NAME"])) as rows,
        closing(sqlite3.connect(f"{FOLDER.name}/bare.sqlite3", isolation_level=None)) as copied,
    ):
        copied.execute("PRAGMA synchronous = OFF")
        for table in tables:
            found = rows.execute(f'SELECT * FROM "{table}"')
            columns = [f'"{column[0]}"' for column in found.description]
            copied.execute(f'CREATE TABLE "{table}" ({", ".join(columns)})')
            copied.execute("BEGIN")
            copied.executemany(f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(columns))})', found)
            copied.execute("COMMIT")
    return time.perf_counter() - began


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--runs", type=int, default=1_000_000)
    given = parser.parse_args()
    set_up(postgres=given.postgres)
    from django.apps import apps
    from django.db import connections

    from foundryflow.backup.read import open_backup
    from foundryflow.backup.tables import tables_of

    people_and_flows()
    seed(given.runs)
    connections.close_all()
    file = Path(FOLDER.name, "bench.backup")
    made, made_with = command("backup", str(file))
    with open_backup(file) as backup:
        rows, unpacked = backup.manifest.rows, backup.manifest.size
    print(f"{rows:,} rows of {given.runs:,} runs on {'PostgreSQL' if given.postgres else 'SQLite'}")
    print(f"size     {file.stat().st_size / MEGABYTE:8.1f} MB, {unpacked / MEGABYTE:,.1f} MB unpacked")
    print(f"backup   {made:8.1f} s, {made_with:.0f} MB of memory")
    checked, checked_with = command("restore", "--check", str(file))
    print(f"check    {checked:8.1f} s, {checked_with:.0f} MB of memory")
    bare = copy_bare([table.name for table in tables_of(apps)])
    connections.close_all()
    if given.postgres:
        for each in connections.all(initialized_only=True):
            each.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's
    restored, restored_with = command("restore", "--replace", str(file))
    print(f"restore  {restored:8.1f} s, {restored_with:.0f} MB of memory, checked first")
    print(f"bare copy{bare:8.1f} s; backup takes {made / bare:.1f} times as long, restore {restored / bare:.1f} times")


if __name__ == "__main__":
    main()
