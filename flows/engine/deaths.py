"""What the death of a process says of its runs, and counts against those that may have killed it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from flows.engine.workers import BEAT, ago
from flows.interpreter import suspicion
from flows.interpreter.suspicion import NOWHERE, SUSPECT
from flows.models import EXECUTING, ActionRun, Run, State, Suspect, Worker

UNHEARD = 2.5 * BEAT  # seconds of silence after which a process is not well, whoever may still have its runs


@dataclass
class Death:
    """A process that died with runs in its name. Runs that only waited are innocent."""

    worker: Worker
    at: datetime
    places: dict[int, set[str]] = field(default_factory=dict)  # where each run was that did not only wait
    since: dict[int, datetime] = field(default_factory=dict)  # when the oldest action of each began
    units: dict[int, list[int]] = field(default_factory=dict)  # each run with those of the flows that it ran

    @property
    def well(self) -> bool:
        """Whether the process had lived long enough that its death was not one of its start."""
        return is_well(self.worker)


def is_well(worker: Worker) -> bool:
    return worker.beat_at - worker.started_at >= timedelta(seconds=suspicion.WELL_AFTER)


def death_of(worker: Worker) -> Death:
    at = min(timezone.now(), worker.beat_at + timedelta(seconds=BEAT))
    return DeathReader(worker, at).death


class DeathReader:
    """Reads in a few statements what was going, however many runs there were."""

    def __init__(self, worker: Worker, at: datetime) -> None:
        self.death = Death(worker, at)
        self._inner: defaultdict[int, dict[str, int]] = defaultdict(dict)  # run -> path -> run of the flow there
        self._rows: defaultdict[int, dict[str, tuple[str, datetime | None]]] = defaultdict(dict)
        standing = Run.objects.filter(worker=worker, state__in=EXECUTING)
        runs = list(standing.order_by("pk").values_list("pk", "parent_id", "parent_path", "crashes", "crash_path"))
        for run, parent, path, *_ in runs:
            if parent is not None:
                self._inner[parent][path.rpartition("~")[0]] = run
        rows = ActionRun.objects.filter(run__worker=worker, run__state__in=EXECUTING, state__in=EXECUTING).order_by()
        for run, path, state, started_at in rows.values_list("run_id", "path", "state", "started_at"):
            self._rows[run][path] = state, started_at
        for run, parent, _, crashes, crash_path in runs:
            if parent is None:
                self._read(run, suspicion.places_of(crashes, crash_path))

    def _read(self, run: int, known: set[str]) -> None:
        unit: list[int] = []
        began: list[datetime] = []
        places = self._places(run, unit, began)
        self.death.units[run] = unit
        if places is None:
            return
        # Nothing is recorded of an action that kills at once: it was on the way to where it was before.
        self.death.places[run] = known if places == {NOWHERE} and known else places
        self.death.since[run] = min(began, default=self.death.at)

    def _places(self, run: int, unit: list[int], began: list[datetime]) -> set[str] | None:
        """Where this run was, down into the flows it ran; None when it only waited."""
        unit.append(run)
        rows = self._rows[run]
        leaves, places = suspicion.leaves_of(rows), set[str]()
        for path in leaves:
            state, started_at = rows[path]
            inner = self._inner[run].get(path)
            if inner is not None:
                places |= {f"{path} > {place}" if place else path for place in self._places(inner, unit, began) or ()}
            elif state == State.RUNNING:
                places.add(path)
                began.append(started_at or self.death.worker.started_at)
        if leaves and not places:
            return None
        return places or {NOWHERE}


def blame(run: Run, death: Death) -> Suspect | None:
    """Counts the death of a run's process at the run, which is not stored by this; its suspicion, if there is one."""
    was_suspect, places = run.crashes >= SUSPECT, death.places.get(run.pk)
    if places is None:
        if was_suspect:
            Suspect.objects.filter(run=run).update(tried_with=None)
        return None
    same = suspicion.common_places(suspicion.places_of(run.crashes, run.crash_path), places)
    run.crashes, run.crash_path = (run.crashes + 1 if same else 1), suspicion.pack_places(same or places)
    if run.crashes < SUSPECT:
        if was_suspect:
            Suspect.objects.filter(run=run).delete()
        return None
    suspect = Suspect.objects.filter(run=run).first() if was_suspect else None
    if suspect is None:
        suspect = Suspect(run=run, company=len(death.places), died_at=death.at)
    judge(suspect, death)
    suspect.save()
    return suspect


def judge(suspect: Suspect, death: Death) -> None:
    going = len(death.places)
    if going == suspect.tried_with == 1:
        if death.well:
            suspect.alone += 1
            suspect.proven += not have_others_died(suspect.died_at, death.worker)
        Worker.objects.filter(pk=death.worker.pk).update(killed_by=suspect.run_id)
    suspect.company = suspicion.company_after(suspect.company, going, well=death.well)
    began = max(filter(None, (death.since[suspect.run_id], death.worker.started_at, suspect.tried_at)))
    suspect.lived = max(suspect.lived, (death.at - began).total_seconds())
    suspect.died_at = death.at
    suspect.not_before = death.at + timedelta(seconds=suspicion.pause_after(suspect.alone))
    suspect.tried_at = suspect.tried_with = None


def have_others_died(since: datetime, worker: Worker) -> bool:
    """Whether a process fell silent that no suspect was alone in: then the host kills, and not the run."""
    others = Worker.objects.exclude(pk=worker.pk).exclude(kind="command line")
    return others.filter(beat_at__gt=since, beat_at__lt=ago(UNHEARD), killed_by=None).exists()


def reset_running_actions(runs: Sequence[int]) -> None:
    """Nothing of these runs is being executed any more; what was going begins anew when they go on."""
    ActionRun.objects.filter(run__in=runs, state=State.RUNNING).update(state=State.QUEUED)
