"""Which way a run went through the lanes of a container, those without cards included."""

import pytest

from flows.flowchart.chart import CardRun, Flowchart
from flows.flowchart.states import state_view_of
from flows.language.document import parse


def lanes(route, **cards):
    """Of an If with an action in its first lane and none in the second: (taken, skipped) of each."""
    document = parse(
        {
            "format": "foundryflow/1",
            "name": "x",
            "actions": [
                {
                    "id": "route",
                    "type": "if_else",
                    "branches": [
                        {"id": "a", "condition": "true", "actions": [{"id": "note", "type": "log"}]},
                        {"id": "b", "actions": []},
                    ],
                }
            ],
        }
    )
    runs = {id: CardRun(state_view_of(state), "", id) for id, state in cards.items()}
    runs["route"] = route if isinstance(route, CardRun) else CardRun(state_view_of(route), "", "route")
    return [(lane.taken, lane.skipped) for lane in Flowchart(document, runs=runs).cards[0].lanes]


@pytest.mark.parametrize(
    ("route", "note", "found"),
    [
        ("succeeded", "succeeded", [(True, False), (False, True)]),
        ("succeeded", "skipped", [(False, True), (True, False)]),
        ("running", "succeeded", [(True, False), (False, False)]),
        ("skipped", "skipped", [(False, True), (False, False)]),
    ],
)
def test_a_lane_without_cards_is_marked_by_what_the_others_say(route, note, found):
    assert lanes(route, note=note) == found


def test_a_lane_without_cards_is_left_out_as_soon_as_another_one_was_decided_for():
    assert lanes(CardRun(state_view_of("running"), "", "route", decision="3 > 2"), note="running") == [
        (True, False),
        (False, True),
    ]


def test_the_second_line_of_a_card_is_its_type_or_else_its_group():
    document = parse(
        {
            "format": "foundryflow/1",
            "name": "x",
            "actions": [{"id": "a", "type": "log"}, {"id": "b", "type": "log", "title": "Cost"}],
        }
    )
    assert [card.subtitle for card in Flowchart(document).cards] == ["Built-in", "Log"]


def test_the_one_input_of_a_container_stands_in_its_head():
    loop = {
        "id": "a",
        "type": "for_each",
        "properties": {"items": "{{ parts }}"},
        "branches": [{"id": "b", "actions": []}],
    }
    bare = {**loop, "id": "c", "properties": {}, "branches": [{"id": "d", "actions": []}]}
    cards = Flowchart(parse({"format": "foundryflow/1", "name": "x", "actions": [loop, bare]})).cards
    assert [card.only_port and card.only_port.brief for card in cards] == ["parts", None]
