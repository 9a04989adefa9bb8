"""One run may meet thousands of keys; none leaves it, in whatever form."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
