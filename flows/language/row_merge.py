"""Two people have changed the order of the same row: actions of a block, branches, inputs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from flows.language.flat import moved_in


class RowMerge:
    """What stands in a row, by three versions: theirs, with what I inserted and moved put where I put it."""

    def __init__(self, base: Sequence[str], mine: Sequence[str], theirs: Sequence[str]) -> None:
        self.mine, self.theirs = mine, theirs
        self._base = positions(base)
        self._positions = {"mine": positions(mine), "theirs": positions(theirs)}
        self._moves = {side: moved_in(base, row) for side, row in (("mine", mine), ("theirs", theirs))}
        self.row: list[str] = []

    def settle(self) -> list[str]:
        """Gives up moves of mine until everything else that was changed holds. Returns what was given up."""
        moves = set(self._moves["mine"])
        twice = [id for id in self.mine if id in self._positions["theirs"] and self._is_put_twice(id)]
        given_up = [id for id in twice if self._is_elsewhere(id)]
        moves.difference_update(twice)
        self.row = self._apply(moves)
        while (broken := self._broken_wish(moves)) is not None:
            moves.discard(broken)
            given_up.append(broken)
            self.row = self._apply(moves)
        return given_up

    def _is_put_twice(self, id: str) -> bool:
        """Whether both have moved it, or put it into this row."""
        return id not in self._base or (id in self._moves["mine"] and id in self._moves["theirs"])

    def _is_elsewhere(self, id: str) -> bool:
        """Whether it stands at different places among what both have."""
        mine, theirs = self._positions["mine"], self._positions["theirs"]
        return any((mine[id] < mine[each]) != (theirs[id] < theirs[each]) for each in mine if each in theirs)

    def _apply(self, moves: Collection[str]) -> list[str]:
        arrived = [id for id in self.mine if id in moves or id not in self.theirs]
        row = [id for id in self.theirs if id not in moves]
        fixed = {id for id in row if id not in self._moves["theirs"]}
        known = set(self.mine)
        before: list[str] = []
        for id in self.mine:
            if id in arrived:
                anchor = next((each for each in reversed(before) if each in fixed), None)
                at = row.index(anchor) + 1 if anchor is not None else 0
                while at < len(row) and row[at] not in known:  # what they inserted there stays in front
                    at += 1
                row.insert(at, id)
                fixed.add(id)
            before.append(id)
        return row

    def _broken_wish(self, moves: Collection[str]) -> str | None:
        """A move of mine by which two stand in an order that one of us changed otherwise."""
        place = positions(self.row)
        for wanted, movers in (
            (self._positions["mine"], moves),
            (self._positions["theirs"], self._moves["theirs"]),
        ):
            for id in movers:
                for other in self.row:
                    if other not in wanted or other not in self._base:
                        continue
                    is_changed = (wanted[id] < wanted[other]) != (self._base[id] < self._base[other])
                    if is_changed and (wanted[id] < wanted[other]) != (place[id] < place[other]):
                        found = id if id in moves else other if other in moves else None
                        if found is not None:
                            return found
        return None


def positions(row: Sequence[str]) -> dict[str, int]:
    return {id: number for number, id in enumerate(row)}
