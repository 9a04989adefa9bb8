"""What a death says of those that were going, without a database."""

import pytest

from flows.interpreter import suspicion


@pytest.mark.parametrize(
    ("one", "other", "related"),
    [
        ("a", "a", True),
        ("", "a", True),
        ("each", "each[3]/a", True),
        ("each[3]/a", "each[3]", True),
        ("call", "call > x", True),
        ("a", "ab", False),
        ("each[1]/a", "each[10]/a", False),
        ("call > x", "call > y", False),
    ],
)
def test_places_are_the_same_when_one_is_on_the_way_to_the_other(one, other, related):
    assert suspicion.are_related(one, other) == suspicion.are_related(other, one) == related


def test_what_was_going_both_times_is_as_exact_as_either_says():
    assert suspicion.common_places({"each", "b"}, {"each[3]/a", "c"}) == {"each[3]/a"}
    assert suspicion.common_places({""}, {"a"}) == {"a"}
    assert suspicion.common_places({"a"}, {"b"}) == set()


def test_containers_are_not_meant_when_something_inside_goes():
    assert suspicion.leaves_of(["e", "e[0]/a", "e[1]/b", "e[1]/b[2]/c", "ee"]) == ["e[0]/a", "e[1]/b[2]/c", "ee"]


def test_places_are_kept_as_far_as_there_is_room():
    many = {f"each[{number}]/{'a' * 90}" for number in range(9)}
    kept = suspicion.places_of(1, suspicion.pack_places(many))
    assert kept < many
    assert len(suspicion.pack_places(many)) <= suspicion.LONGEST
    assert suspicion.places_of(1, suspicion.pack_places({""})) == {""}
    assert suspicion.places_of(0, "") == set()


def test_a_killer_among_five_hundred_is_alone_after_few_deaths():
    company, well_deaths = 500, 0
    while company > 1:
        company, well_deaths = suspicion.company_after(company, company, well=True), well_deaths + 1
    assert well_deaths == 3
    assert suspicion.company_after(500, 500, well=False) == 500


def test_pauses_and_trials_grow_and_end():
    assert [suspicion.pause_after(alone) for alone in range(8)] == [4, 8, 16, 32, 64, 128, 256, 300]
    assert suspicion.trial_seconds(0) == 5
    assert suspicion.trial_seconds(30) == 65
    assert suspicion.trial_seconds(3_000) == 300


def test_what_ends_clears_where_it_is_and_what_led_there_but_a_container_walked_again_only_what_is_inside():
    places = {"", "each", "each[3]/a", "b", "call > x"}
    assert suspicion.remaining_places(places, "each[3]/a", container=False) == {"b", "call > x"}
    assert suspicion.remaining_places(places, "each", container=True) == {"", "b", "call > x"}
    assert suspicion.remaining_places(places, "call", container=False) == {"each", "each[3]/a", "b"}
