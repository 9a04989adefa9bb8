"""What an edit changed of the flowchart: cards that came, went, moved or look different, and nothing else.

Step numbers and the places of insert buttons follow from the order of the cards; numbers.js counts them anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flows.flowchart.chart import Card, Flowchart, InsertPlace, Lane
from flows.language.flat import moved_in
from foundryflow.regions import Region

MOST_REGIONS = 100
NOWHERE = InsertPlace("", "", 0)


def chart_regions(before: Flowchart, now: Flowchart, shared: Mapping[str, Any]) -> list[Region]:
    """What makes the one chart into the other, in the order in which it is to be put in.

    `shared` is the context of all of them.
    """
    if not before.cards or not now.cards:
        return [whole_chart(shared)]
    found = [*start_changes(before, now, shared)]
    found += block_changes(before.cards, now.cards, "step-start", shared)
    # An element that moves is taken out before it comes back.
    found.sort(key=lambda region: region.swap != "delete")
    return found if len(found) <= MOST_REGIONS else [whole_chart(shared)]


def whole_chart(shared: Mapping[str, Any]) -> Region:
    return Region("designer/_flowchart.html", "flowchart", shared)


def start_changes(before: Flowchart, now: Flowchart, shared: Mapping[str, Any]) -> Iterator[Region]:
    if (before.inputs, before.note) != (now.inputs, now.note):
        yield Region("designer/_start_card.html", "card-start", shared)


def block_changes(old: Sequence[Card], new: Sequence[Card], head: str, shared: Mapping[str, Any]) -> Iterator[Region]:
    """Of one block; `head` is the element in front of its first card."""
    were, are = {card.id: card for card in old}, [card.id for card in new]
    moved = moved_in(list(were), are)
    stay = {id for id in are if id in were and id not in moved}
    yield from (Region("", f"step-{id}", swap="delete") for id in were if id not in stay)
    anchor, arrived = head, list[Card]()
    for card in new:
        if card.id not in stay:
            arrived.append(card)
            continue
        yield from arrivals(arrived, anchor, shared)
        yield from card_changes(were[card.id], card, shared)
        anchor, arrived = f"step-{card.id}", []
    yield from arrivals(arrived, anchor, shared)


def arrivals(cards: Sequence[Card], anchor: str, shared: Mapping[str, Any]) -> Iterator[Region]:
    if cards:
        yield Region("designer/_block.html", anchor, {**shared, "cards": list(cards)}, swap="afterend")


def card_changes(old: Card, new: Card, shared: Mapping[str, Any]) -> Iterator[Region]:
    is_same = face(old) == face(new)
    if new.lanes is None or old.lanes is None:
        if not is_same or old.run != new.run or new.lanes is not old.lanes:
            template = "_card" if new.lanes is None else "_container"
            yield Region(f"designer/{template}.html", f"card-{new.id}", {**shared, "card": new})
    elif is_same and [label_of(lane) for lane in old.lanes] == [label_of(lane) for lane in new.lanes]:
        if old.run != new.run:
            yield from head_changes(new, shared)
        for before, now in zip(old.lanes, new.lanes, strict=True):
            yield from lane_changes(before, now, new, shared)
    else:
        yield Region("designer/_container.html", f"card-{new.id}", {**shared, "card": new})


def head_changes(card: Card, shared: Mapping[str, Any]) -> Iterator[Region]:
    """Of a container that a run has got on with: all but what stands in it."""
    for name in ("head", "chips"):
        yield Region(f"designer/_card_{name}.html", f"{name}-{card.id}", {**shared, "card": card})


def lane_changes(old: Lane, new: Lane, card: Card, shared: Mapping[str, Any]) -> Iterator[Region]:
    name = f"{new.first.owner}--{new.first.branch}"
    if old.css != new.css:
        yield Region("designer/_lane.html", f"lane-{name}", {**shared, "card": card, "lane": new})
    elif old.cards and new.cards:
        yield from block_changes(old.cards, new.cards, f"top-{name}", shared)
    elif old.cards or new.cards:
        yield Region("designer/_lane.html", f"lane-{name}", {**shared, "card": card, "lane": new})


def face(card: Card) -> Card:
    """What a card looks like by itself: without what stands in it, its number, and whether it is chosen."""
    return replace(card, step=0, total=0, selected=False, after=NOWHERE, lanes=None, run=None)


def label_of(lane: Lane) -> tuple[str, str, str]:
    return lane.id, lane.label, lane.condition
