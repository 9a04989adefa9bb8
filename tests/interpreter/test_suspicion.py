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


def test_places_are_told_in_their_order():
    assert suspicion.leaves_of(["b", "each", "each[1]/a", "a"]) == ["a", "b", "each[1]/a"]
    assert suspicion.pack_places(["b", "a"]) == "a\nb"


def test_of_two_related_places_the_longer_is_the_more_exact():
    assert suspicion.common_places({"z"}, {"z > a"}) == {"z > a"}
    assert suspicion.common_places({"each[3]/a"}, {"each"}) == {"each[3]/a"}


@pytest.mark.parametrize(("last", "kept"), [(98, 2), (99, 1)])
def test_places_fill_the_room_to_the_last_sign(last, kept):
    places = ["a" * (suspicion.LONGEST - 99), "b" * last]
    assert len(suspicion.pack_places(places).split("\n")) == kept
    assert len(suspicion.pack_places(places)) <= suspicion.LONGEST


def test_a_company_is_a_whole_number_of_suspects():
    assert [suspicion.company_after(500, going, well=True) for going in (7, 8, 20, 500)] == [1, 1, 2, 62]
    assert suspicion.company_after(2, 500, well=True) == 2


def test_what_people_read_of_deaths():
    assert suspicion.sentence_of(2, "each[3]/a\nb") == "The process that ran it died twice at each[3]/a, b."
    assert suspicion.sentence_of(1, "") == "The process that ran it died once at an action that had just begun."
    assert suspicion.sentence_of(5, "a", alone=2) == (
        "The process that ran it died 5 times at a: twice with nothing beside it, 3 times in company or just after a"
        " start."
    )


@pytest.mark.parametrize(("alone", "proven", "is_proven"), [(4, 2, False), (0, 3, True), (5, 0, True)])
def test_three_proofs_or_five_deaths_alone_are_enough(alone, proven, is_proven):
    assert suspicion.is_proven(alone, proven) is is_proven


def test_a_place_that_both_deaths_name_is_kept_as_exactly_as_either_says():
    assert suspicion.common_places(["each"], ["each[7]/chat"]) == {"each[7]/chat"}
    assert suspicion.common_places(["each[7]/chat"], ["each"]) == {"each[7]/chat"}


def test_places_with_blanks_stay_whole_and_times_are_words():
    assert suspicion.places_text("a b\nc") == "a b, c"
    assert [suspicion.times_text(times) for times in (0, 1, 2, 3)] == ["never", "once", "twice", "3 times"]
