"""Holds trials in a process: suspects go with nothing beside them but each other.

What else is going in the process finishes its action, and goes on elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
import time

from flows.engine import suspects
from flows.engine.loop_tasks import cancel_tasks
from flows.engine.run_places import RunPlaces
from foundryflow.database.errors import MAY_BE_AWAY

log = logging.getLogger(__name__)

LOOK_FOR_SUSPECTS = 1.0  # seconds between two looks
MAKING_ROOM = 20.0  # seconds that a suspect waits for the actions that are going; after each time in vain twice as long


class Trials:
    """Holds one trial after the other in this process, with as many suspects as it has places."""

    def __init__(self, places: RunPlaces) -> None:
        self._places, self._active = places, places.active
        self._look_at = 0.0  # time.monotonic()
        self._not_before = 0.0  # the same, when there is something else to do
        self._making_room = MAKING_ROOM

    async def hold_if_due(self) -> bool:
        """Tries the suspects whose time has come, and tells whether there were any."""
        if time.monotonic() < self._look_at:
            return False
        self._look_at = time.monotonic() + LOOK_FOR_SUSPECTS
        try:
            return await self._hold_if_due()
        except Exception:
            log.exception("action=trial_failed")
            return False

    async def _hold_if_due(self) -> bool:
        is_idle = self._active.is_idle()
        if self._active.is_closing or (not is_idle and time.monotonic() < self._not_before):
            return False
        if not await self._places.writer.do(lambda: suspects.begin_trial(self._places.worker, idle=is_idle)):
            return False
        began, self._active.on_trial = time.monotonic(), set()
        self._active.hold()
        try:
            if await self._make_room():
                await self._hold()
        finally:
            await self._end()
        # Others get as much time as it took.
        self._not_before = 2 * time.monotonic() - began
        return True

    async def _make_room(self) -> bool:
        """Waits until nothing is being executed; false when that took too long."""
        until = time.monotonic() + self._making_room
        while not self._active.is_quiet():
            if time.monotonic() > until:
                self._making_room *= 2
                return False
            await self._give_up_held()
        self._making_room = MAKING_ROOM
        return True

    async def _hold(self) -> None:
        """Until each suspect has got on, has ended, or has lived longer than it did before."""
        if self._active.is_closing:
            return
        trials: list[suspects.Trial] = await self._places.writer.do(self._claim)
        began = time.monotonic()
        self._active.on_trial = {trial.run.pk for trial in trials}
        self._places.begin([trial.run for trial in trials])

        def is_over(trial: suspects.Trial) -> bool:
            suspect = self._active.get(trial.run.pk)
            return not suspect or not suspect.journal.gate.is_suspected or time.monotonic() - began > trial.seconds

        while not self._active.is_closing and not all(map(is_over, trials)):
            await self._give_up_held()

    def _claim(self) -> list[suspects.Trial]:
        trials = suspects.claim_suspects(self._places.worker, self._places.count)
        if trials:
            self._places.on_claimed([trial.run.pk for trial in trials])
        return trials

    async def _give_up_held(self) -> None:
        """Runs that came to their next action go back into the queue: others may have them, and no timeout passes."""
        held = {active.root for active in self._active if active.journal.gate.has_held}
        ready = {root for root in held if root not in (self._active.on_trial or ()) and self._active.is_quiet(root)}
        units = [active for active in self._active if active.root in ready]
        for active in units:
            self._active.given_up.add(active.run.pk)
            active.journal.hand_over()
        await cancel_tasks([active.task for active in units if active.run.pk == active.root])
        await asyncio.sleep(0.05)

    async def _end(self) -> None:
        """Others may start actions again once the end of the trial is known: a death from then on is one in company."""
        while True:
            try:
                await self._places.writer.do(lambda: suspects.end_trial(self._places.worker))
                break
            except MAY_BE_AWAY:
                log.warning("action=trial_not_ended")
                if self._active.is_closing:
                    break
        self._active.on_trial = None
        if not self._active.is_closing:
            self._active.let_go()
