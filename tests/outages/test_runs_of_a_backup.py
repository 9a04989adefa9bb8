"""Runs that were going, or waited, when the backup was made end on the machine that it is restored on."""

import tempfile
import time

import pytest

from flows.models import Run
from foundryflow.backup.read import open_backup
from tests.engine.conftest import counting as counting
from tests.engine.conftest import environment, until
from tests.engine.conftest import start as start
from tests.engine.test_durable import chat, document, returns
from tests.factories import make_flow, make_run
from tests.foundryflow.backup.conftest import new_postgresql as new_postgresql
from tests.foundryflow.backup.conftest import new_sqlite as new_sqlite
from tests.foundryflow.backup.installations import Installation, rows_of
from tests.processes import free_port, started

pytestmark = pytest.mark.django_db(transaction=True)


def states(installation):
    with open_backup(installation.back_up()) as backup:
        part = next(part for part in backup.manifest.parts if part.table.name == "flows_run")
        names = [column.name for column in part.table.columns]
        return {row[names.index("id")]: dict(zip(names, row, strict=True)) for row in backup.rows(part)}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["new_sqlite", "new_postgresql"])
def test_every_run_ends_where_it_is_restored(kind, request, counting, start, tmp_path):
    there = request.getfixturevalue(kind)()
    here = Installation(environment()["FOUNDRYFLOW_DATABASE_URL"], tmp_path)
    server = start("serve", "--port", str(free_port()))
    going = [make_run(make_flow(document(chat("a", f"one {n}"), chat("b", "hold {{ a }}"), returns("{{ b }}"))))
             for n in range(3)]  # fmt: skip
    until(lambda: all(counting.count(f"hold <one {n}>") for n in range(3)))
    server.kill()
    queued = make_run(make_flow(document(chat("a", "two"), returns("{{ a }}"))))
    file = here.back_up()
    Run.objects.all().delete()  # the first machine is gone
    counting.release()

    there.restore(file)
    there.environment.update(
        {
            name: value
            for name, value in environment().items()
            if name in ("FOUNDRYFLOW_ALLOWED_DESTINATIONS", "FOUNDRYFLOW_SIMULATOR")
        }
    )
    command = ["serve", "--port", str(free_port())] if kind == "new_sqlite" else ["worker"]
    with tempfile.TemporaryFile("w+") as output:
        process = started(["manage.py", *command], there.environment, output)
        try:
            deadline = time.monotonic() + 60
            while any(run["ended_at"] is None for run in states(there).values()) and time.monotonic() < deadline:
                time.sleep(0.5)
        finally:
            process.kill()
            process.wait(60)
    found = states(there)
    assert [found[run.pk]["state"] for run in (*going, queued)] == ["succeeded"] * 4
    assert [found[run.pk]["output"] for run in going] == [f'"<hold <one {n}>>"' for n in range(3)]
    # What had finished is not executed again, what was going once more; no process is blamed for it.
    assert [counting.count(f"one {n}") for n in range(3)] == [1, 1, 1]
    assert [counting.count(f"hold <one {n}>") for n in range(3)] == [2, 2, 2]
    assert counting.count("two") == 1
    assert {run["crashes"] for run in found.values()} == {0}
    assert rows_of(file).keys() == rows_of(there.back_up()).keys()
