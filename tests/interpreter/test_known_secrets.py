"""One run may meet thousands of keys; none leaves it, in whatever form."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.foundry.masking import SHORTEST
from connections.secret import MASK, Secret
from flows.interpreter.known_secrets import KnownSecrets

KEYS = [f"key-of-customer-{number:04d}-{number * 7919:x}" for number in range(300)]
FORMS = [
    str,
    str.upper,
    lambda key: f"Bearer {key}.",
    lambda key: base64.b64encode(f"?{key}?".encode()).decode(),
    lambda key: key.encode().hex(),
    lambda key: json.dumps(json.dumps({"key": key})),
    lambda key: quote(key.replace("-", " ")).replace("%20", "%2D"),
    lambda key: "".join(f"\\u{ord(sign):04x}" for sign in key),
]


@pytest.fixture(scope="module")
def known():
    secrets = KnownSecrets()
    for number, key in enumerate(KEYS):
        secrets.learn([Secret(key)], f"each[{number}]/create")
    return secrets


@given(st.sampled_from(KEYS), st.sampled_from(FORMS), st.text(max_size=20))
def test_every_form_of_every_key_is_masked_wherever_it_stands(known, key, form, around):
    written = form(key)
    masked = known.mask({"rows": [{"text": f"{around}{written}{around}"}], "count": 1})
    assert MASK in masked["rows"][0]["text"]
    assert written.lower() not in masked["rows"][0]["text"].lower()
    assert masked["count"] == 1


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=30), st.lists, max_leaves=8))
def test_what_holds_no_secret_stays_the_same_object(known, value):
    assert known.mask(value) is value


def test_a_short_text_and_the_published_key_are_no_secrets():
    secrets = KnownSecrets()
    secrets.learn([Secret("short"), Secret("simulator"), Secret("")])
    assert not secrets


def test_streaming_text_is_masked_over_its_seams():
    secrets = KnownSecrets()
    secrets.learn([Secret(KEYS[0])])
    window = secrets.window("chat")
    pieces = [window.feed(piece) for piece in ("It is ", KEYS[0][:5], KEYS[0][5:], ". Bye")]
    assert "".join([*pieces, window.finish()]) == f"It is {MASK}. Bye"


def test_streaming_text_is_masked_by_what_its_lane_knows(known):
    window = known.window("each[7]/chat")
    assert window.feed(f"{KEYS[7]} and more") + window.finish() == f"{MASK} and more"


@pytest.mark.parametrize(("from_text", "searches"), [(False, [False, False]), (True, [True, True])])
def test_records_are_searched_for_what_was_a_text_and_again_at_the_end(from_text, searches):
    secrets = KnownSecrets()
    secrets.learn([Secret(KEYS[0])], from_text=from_text)
    assert [secrets.take_search(60, ends=False), secrets.take_search(60, ends=True)] == searches


def test_between_searches_time_passes():
    secrets = KnownSecrets()
    for key in KEYS[:2]:
        secrets.learn([Secret(key)], from_text=True)
        searched = secrets.take_search(60, ends=False)
    assert not searched


def test_keys_that_share_signs_in_a_text_are_both_found():
    secrets = KnownSecrets()
    secrets.learn([Secret("prefix-0123456789abcdef"), Secret("abcdef-suffix")])
    assert secrets.found_in(b"prefix-0123456789abcdef-suffix") == {"prefix-0123456789abcdef", "abcdef-suffix"}


@pytest.mark.parametrize("key", [KEYS[0], "k" * SHORTEST, 'key"with\\signs-of-json'])
def test_a_key_is_masked_where_it_is_all_there_is_and_in_json(key):
    secrets = KnownSecrets()
    secrets.learn([Secret(key)])
    assert secrets.mask(key) == MASK
    assert secrets.found_in(json.dumps({"inner": json.dumps(key)}).encode()) == {key}


def test_half_a_pair_of_a_text_keeps_no_key_from_being_found():
    secrets = KnownSecrets()
    secrets.learn([Secret(KEYS[0])])
    assert secrets.found_among(["\ud800", KEYS[0]]) == {KEYS[0]}


def test_of_what_is_nested_too_deeply_every_key_is_suspected():
    secrets, nested = KnownSecrets(), []
    secrets.learn([Secret(KEYS[0])])
    for _ in range(100_000):
        nested = [nested]
    assert secrets.found_among([nested]) == {KEYS[0]}


def test_a_search_that_was_taken_is_not_due_again():
    secrets = KnownSecrets()
    secrets.learn([Secret(KEYS[0])], from_text=True)
    assert [secrets.take_search(0, ends=False) for _ in range(2)] == [True, False]


class Word(str):
    """A text of a class of its own."""


def test_however_many_are_learnt_at_once_or_one_by_one_each_is_found():
    secrets, learnt = KnownSecrets(), []
    for size in (1, 1, 1, 5, 1, 2, 1, 1, 30, 1, 1, 1, 1, 1, 1):
        new = KEYS[len(learnt) : len(learnt) + size]
        secrets.learn(map(Secret, new))
        learnt += new
        assert secrets.found_in(" ".join(KEYS).encode()) == {*learnt}
    assert [secrets.mask(key) for key in learnt] == [MASK] * len(learnt)
    assert secrets.mask(KEYS[-1]) == KEYS[-1]


def test_a_form_with_capitals_is_found_as_it_is_and_others_in_any_case():
    secrets = KnownSecrets()
    secrets.learn([Secret(" Planted-Key-0123 \n")])
    encoded = base64.b64encode(b"Planted-Key-0123")
    assert secrets.found_in(b"planted-KEY-0123") == secrets.found_in(encoded) == {"Planted-Key-0123"}
    assert secrets.found_in(encoded.lower()) == set()
    assert (secrets.stand_in("a Planted-Key-0123."), secrets.stand_in("Planted-Key"), KnownSecrets().stand_in("x")) == (
        True, False, False,
    )  # fmt: skip


def test_texts_are_looked_for_wherever_they_stand_in_a_value():
    secrets = KnownSecrets()
    secrets.learn([Secret(KEYS[0])])
    for value in (KEYS[0], Word(KEYS[0]), {KEYS[0]: 1}, [({"a": (None, 1, True, KEYS[0])},)]):
        assert secrets.found_among([1, value]) == {KEYS[0]}
    assert secrets.found_among([KEYS[0][:9], KEYS[0][9:], None]) == set()
    assert (secrets.mask(None), KnownSecrets().mask(KEYS[0])) == (None, KEYS[0])


def test_what_was_a_text_once_is_remembered_and_only_of_what_is_new():
    secrets = KnownSecrets()
    assert (secrets.are_texts_too, secrets.are_sealed, secrets.take_search(0, ends=True)) == (False, False, False)
    secrets.learn([Secret(KEYS[0])])
    secrets.learn([Secret(KEYS[0])], from_text=True)
    assert (secrets.are_texts_too, secrets.take_search(0, ends=False)) == (False, False)
    secrets.learn([Secret(KEYS[1])], from_text=True)
    secrets.learn([Secret(KEYS[2])])
    assert (secrets.are_texts_too, secrets.take_search(0, ends=False), secrets.take_search(0, ends=True)) == (
        True,
        True,
        True,
    )


def test_a_key_of_one_lane_is_masked_in_its_stream_and_not_in_that_of_another():
    secrets = KnownSecrets()
    secrets.learn([Secret(KEYS[0])], "each[0]/part/create")
    secrets.learn([Secret(KEYS[1])], "create")

    def streamed(path):
        window = secrets.window(path)
        return window.feed(f"{KEYS[0]} {KEYS[1]}") + window.finish()

    assert streamed("each[0]/part/chat") == f"{MASK} {MASK}"
    assert streamed("each[0]/other/chat") == streamed("chat") == f"{KEYS[0]} {MASK}"
