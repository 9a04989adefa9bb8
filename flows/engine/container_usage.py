"""What the actions inside containers have used: the tokens of each container, added up as its actions end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flows.actions.registry import container_types
from flows.models import Run

Used = dict[str, int]  # tokens by their names: prompt_tokens, completion_tokens, ...


class ContainerUsage:
    """Of the containers of one run, by path."""

    def __init__(self, ended: Iterable[tuple[str, Mapping[str, Any]]] = ()) -> None:
        """`ended` are paths of actions that are no containers, and what each has used."""
        self._used: dict[str, Counter[str]] = {}
        for path, usage in ended:
            self.add(path, usage)

    @classmethod
    def of(cls, run: Run) -> ContainerUsage:
        """As the records of earlier attempts say, and those that were taken over."""
        ended = run.actions.filter(usage__isnull=False, path__contains="/").exclude(type__in=container_types())
        return cls((path, usage or {}) for path, usage in ended.order_by().values_list("path", "usage").iterator())

    def add(self, path: str, usage: Mapping[str, Any]) -> list[tuple[str, Used]]:
        """Counts what an action has used; gives the containers around it with what is used inside them now."""
        counts = {name: count for name, count in usage.items() if isinstance(count, int)}
        if not counts:
            return []
        around = list(enclosing_containers(path))
        for container in around:
            self._used.setdefault(container, Counter()).update(counts)
        return [(container, dict(self._used[container])) for container in around]

    def take(self, path: str) -> Used | None:
        """What was used inside a container that has ended; None where nothing was."""
        used = self._used.pop(path, None)
        return dict(used) if used else None


def enclosing_containers(path: str) -> Iterator[str]:
    """The paths of the containers that an action stands in, from the outermost: of `a[1]/b/c` `a` and `a[1]/b`."""
    at = path.find("/")
    while at >= 0:
        around = path[:at]
        yield around[: around.rfind("[")] if around.endswith("]") else around
        at = path.find("/", at + 1)
