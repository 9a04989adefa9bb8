"""A known secret is found in whatever form a service sends it back, and nothing else is touched."""

import base64
import html
import itertools
import json
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from connections.foundry.masking import PUBLISHED, SHORTEST, Masker, masker_of
from connections.secret import MASK
from connections.simulator.auth import KEY as SIMULATOR_KEY

KEY = "9fQ2/xL+7Zr0mWc4TnBv8sKd1aHj"


def escaped(text):
    return "".join(f"\\u{ord(sign):04x}" for sign in text)


def percent(text):
    return "".join(f"%{byte:02X}" for byte in text.encode())


FORMS = {
    "as it is": str,
    "in capitals": str.upper,
    "in small letters": str.lower,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "slashes escaped": lambda text: text.replace("/", "\\/"),
    "escaped": escaped,
    "escaped, capitals": lambda text: escaped(text).upper().replace("\\U", "\\u"),
    "escaped twice": lambda text: json.dumps(escaped(text))[1:-1],
    "escaped in part": lambda text: escaped(text[:5]) + text[5:],
    # A backslash is always escaped: alone, it would make another text of the escape behind it.
    "escaped here and there": lambda text: "".join(
        escaped(s) if n % 3 or s == "\\" else s for n, s in enumerate(text)
    ),
    "escaped as in Python": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "percent": percent,
    "percent in small letters": lambda text: percent(text).lower(),
    "percent where it must be": lambda text: quote(text, safe=""),
    "percent in part": lambda text: text[:9] + percent(text[9:]),
    "percent twice": lambda text: quote(percent(text), safe=""),
    "percent in JSON": lambda text: escaped(percent(text)),
    "HTML": html.escape,
    "HTML numbers": lambda text: "".join(f"&#{ord(sign)};" for sign in text),
    "HTML hexadecimal": lambda text: "".join(f"&#x{ord(sign):X};" for sign in text),
    "HTML names": lambda text: text.replace("/", "&sol;").replace("+", "&plus;").replace("=", "&equals;"),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal in capitals": lambda text: text.encode().hex().upper(),
    "percent with u": lambda text: "".join(f"%u{ord(sign):04x}" for sign in text),
    "percent four times": lambda text: percent(text).replace("%", "%252525"),
    "bearer": "Bearer {}".format,
    **{
        f"base64 at {before}, {after} behind": lambda text, before=before, after=after: base64.b64encode(
            b"?" * before + text.encode() + b"?" * after
        ).decode()
        for before in range(4)
        for after in range(3)
    },
    "base64 without padding": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 with percent": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "Basic": lambda text: "Basic " + base64.b64encode(f"user:{text}".encode()).decode(),
    "Basic without a user": lambda text: "Basic " + base64.b64encode(f":{text}".encode()).decode(),
}  # fmt: skip


def reveals(text, secret):
    """Whether a reader who tries the usual decodings finds the secret or most of it."""
    undone = [text]
    for decode in (html.unescape, percent_undone, slashes_undone):
        undone += [decode(known) for known in undone]
    wanted = [secret.lower(), secret.encode().hex()]
    inside = [base64.b64encode(b"?" * n + secret.encode()).decode().rstrip("=")[n and n + 1 : -1] for n in range(3)]
    inside += [core.replace("+", "-").replace("/", "_") for core in inside]
    return any(form in known.lower() for known in undone for form in wanted) or any(
        core in known for known in undone for core in inside
    )


def percent_undone(text):
    from urllib.parse import unquote

    return unquote(unquote(text))


def slashes_undone(text):
    return (
        text.replace("\\\\", "\\").encode("latin-1", "backslashreplace").decode("unicode_escape", "replace")
        if "\\" in text
        else text
    )


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_masked_and_what_stands_around_it_stays(form):
    sent_back = FORMS[form](KEY)
    masked = Masker([KEY]).text(f"The key <{sent_back}> was refused.")
    assert MASK in masked
    assert not reveals(masked, KEY)
    assert masked.startswith("The key <")
    assert masked.endswith("> was refused.")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_masked_however_a_stream_is_split(form):
    text = f"The key <{FORMS[form](KEY)}> was refused. & 100 % \\o/"
    masker = Masker([KEY])
    whole = masker.text(text)
    for size in (1, 2, 3, 5, 7, 11):
        assert streamed(masker, [text[at : at + size] for at in range(0, len(text), size)]) == whole
    for at in range(0, len(text), len(text) // 60 or 1):
        assert streamed(masker, [text[:at], text[at:]]) == whole


def streamed(masker, pieces):
    window = masker.window()
    return "".join([*(window.feed(piece) for piece in pieces), window.finish()])


SECRETS = st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=SHORTEST, max_size=90).map(str.strip)
KEYS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=-_.", min_size=SHORTEST, max_size=90)
AROUND = st.text(st.sampled_from('abcde 019+/=-\n"<>äß€🎉'), max_size=30)


@given(SECRETS, st.sampled_from(sorted(FORMS)), AROUND, AROUND)
@settings(max_examples=120, deadline=None)
def test_no_form_of_any_secret_survives(secret, form, before, after):
    assume(len(secret) >= SHORTEST and secret not in PUBLISHED)
    masked = Masker([secret]).text(f"{before} {FORMS[form](secret)} {after}")
    assert MASK in masked
    assert not reveals(masked.replace(MASK, " "), secret)


@given(KEYS, st.sampled_from(sorted(FORMS)), AROUND, AROUND, st.lists(st.integers(1, 400), max_size=8))
@settings(max_examples=120, deadline=None)
def test_a_split_text_is_masked_like_the_whole(key, form, before, after, cuts):
    assume(key not in PUBLISHED)
    masker = Masker([key])
    text = before + FORMS[form](key) + after + key[: len(key) // 2] + before
    bounds = [0, *sorted(cuts), len(text)]
    pieces = [text[a:b] for a, b in itertools.pairwise(bounds)]
    assert streamed(masker, pieces) == masker.text(text)


@given(st.text(max_size=200), st.lists(st.integers(1, 200), max_size=8))
@settings(deadline=None)
def test_a_text_without_secrets_comes_out_as_it_was(text, cuts):
    masker = Masker([KEY])
    assert masker.text(text) == text
    bounds = [0, *sorted(cuts), len(text)]
    assert streamed(masker, [text[a:b] for a, b in itertools.pairwise(bounds)]) == text


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | AROUND,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(AROUND, inner, max_size=3),
    max_leaves=12,
)


@given(JSON_VALUES, KEYS, st.sampled_from(sorted(FORMS)), st.booleans())
@settings(max_examples=80, deadline=None)
def test_what_stands_in_a_value_is_found_in_its_json(value, key, form, ascii):
    """The bytes are searched first, and the value is walked only when something was found."""
    assume(key not in PUBLISHED)
    masker = Masker([key])
    whole = {"before": value, "echo": [FORMS[form](key)], "after": value}
    assert masker.finds(json.dumps(whole, ensure_ascii=ascii).encode())
    assert masker.value(whole)["echo"] == [masker.text(FORMS[form](key))]
    assert masker.value(value) == value or masker.finds(json.dumps(value).encode())


@dataclass(frozen=True)
class Part:
    text: str
    count: int


def test_a_value_keeps_its_shape_and_its_types():
    masker = Masker([KEY])
    value = {"n": 1, "f": 0.5, "b": True, "none": None, "list": [KEY, 2], KEY: "name", "parts": (Part(KEY, 3),)}
    assert masker.value(value) == {
        "n": 1, "f": 0.5, "b": True, "none": None, "list": [MASK, 2], MASK: "name", "parts": (Part(MASK, 3),),
    }  # fmt: skip


def test_a_value_that_is_nested_too_deeply_is_hidden_from_there_on():
    value = KEY
    for _ in range(2_000):
        value = [value]
    masked = Masker([KEY]).value({"text": "word", "raw": value})
    assert masked["text"] == "word"
    assert MASK in str(masked)
    assert KEY not in str(masked)


def test_text_that_can_be_no_secret_is_not_held_back():
    window = Masker([KEY]).window()
    for piece in ("Once ", "upon a time ", "there was 100"):
        assert window.feed(piece) == piece


def test_only_the_beginning_of_a_secret_is_held_back():
    window = Masker([KEY]).window()
    assert window.feed(f"It is {KEY[:6]}") == "It is "
    assert window.feed("!") == f"{KEY[:6]}!"
    assert window.feed(f"It is {KEY[:6]}") == "It is "
    assert window.feed(KEY[6:]) == MASK
    assert window.finish() == ""


def test_several_secrets_are_masked_and_one_inside_another_once():
    masker = Masker([KEY, f"{KEY}-and-more", "another-secret"])
    assert masker.text(f"{KEY}-and-more, {KEY}, another-secret") == f"{MASK}, {MASK}, {MASK}"
    assert streamed(masker, list(f"{KEY}-and-more, {KEY}-and")) == f"{MASK}, {MASK}-and"


def test_short_secrets_and_the_published_key_of_the_simulator_are_words():
    assert Masker(["short", "", SIMULATOR_KEY]).text("in short, a simulator") == "in short, a simulator"
    assert SIMULATOR_KEY in PUBLISHED


def test_a_secret_of_several_lines_is_found_in_json():
    pem = "-----BEGIN KEY-----\nMIIE+abc/def\nxyz==\n-----END KEY-----\n"
    assert "MIIE" not in Masker([pem]).text(json.dumps({"said": f"bad: {pem}"}))


def test_a_hostile_stream_makes_the_window_hold_back_little():
    masker = Masker([KEY])
    window, held = masker.window(), 0
    deep = KEY[:-1]
    for _ in range(2):
        deep = escaped(deep)
    for piece in deep:
        window.feed(piece)
        held = max(held, len(window._held))
    assert held <= masker.forms.longest_beginning + 6
    assert KEY[:8] not in window.finish()


def test_the_masker_of_a_set_of_secrets_is_made_once():
    assert masker_of(KEY, "another-secret") is masker_of(KEY, "another-secret")


def test_a_large_text_is_masked_in_slices_like_the_whole():
    masker = Masker([KEY])
    text = f"{'a word & ' * 4_000}{KEY}" * 5
    assert masker.text(text) == text.replace(KEY, MASK)
    assert streamed(masker, [text]) == text.replace(KEY, MASK)


@pytest.mark.parametrize(
    ("secret", "sent_back"),
    [
        ("back\\slash\\key", json.dumps("back\\slash\\key")[1:-1]),
        ("back\\slash\\key", json.dumps(json.dumps("back\\slash\\key")[1:-1])[1:-1]),
        ("smile-😀-key-😀", json.dumps("smile-😀-key-😀")[1:-1]),
        (" blanks-around-it\n", "blanks-around-it"),
        ("%c3(-planted-key", "%c3(-planted-key"),
        ("aab-planted-key", "aaab-planted-key"),
        ("abcabcabcabc", "abcabcabcabc"),
    ],
)  # fmt: skip
def test_a_secret_of_other_signs_is_masked_at_once_and_piece_by_piece(secret, sent_back):
    masker, kept = Masker([secret]), "a" * (sent_back.startswith("aaab"))
    assert masker.text(f"<{sent_back}>") == streamed(masker, list(f"<{sent_back}>")) == f"<{kept}{MASK}>"
    assert streamed(masker, [f"<{sent_back}", ">"]) == f"<{kept}{MASK}>"


@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("secret", ["planted-secr", "planted-secre", "planted-secret"])
def test_all_of_a_secret_is_masked_in_base64_and_nothing_of_its_neighbours(secret, before, after):
    one, other = (
        base64.b64encode(sign * before + secret.encode() + sign * after).decode().rstrip("=" if after else "")
        for sign in (b"\x00", b"\xff")
    )
    same = [first == second for first, second in zip(one, other, strict=True)]
    start, end = same.index(True), len(same) - same[::-1].index(True)
    assert Masker([secret]).text(f"<{other}>") == f"<{other[:start]}{MASK}{other[end:]}>"


def test_what_is_no_sign_stays_as_it_is():
    said = f"&#1114112; &#x110000; &nosuch; %zz \\q {KEY}"
    assert Masker([KEY]).text(said) == said.replace(KEY, MASK)


def test_a_beginning_that_is_spelt_at_great_length_is_masked():
    secret = "0123456789abcdef" * 16
    window = Masker([secret]).window()
    said = "".join(window.feed(f"&#x0000{ord(sign):06x};") for sign in secret[:-1])
    assert said.startswith(MASK)
    assert (said + window.finish()).count("&#") < 20  # of 255


def test_a_value_that_json_cannot_hold_is_walked():
    masker, endless = Masker([KEY]), [KEY]
    endless.append(endless)
    assert masker.value({("a", KEY): {1, 2}, "b": KEY}) == {("a", MASK): {1, 2}, "b": MASK}
    assert KEY not in str(masker.value(endless))
    deep = {"text": KEY}
    for _ in range(150):
        deep = {"part": Part(KEY, 1), "deep": deep}
    masked = masker.value({**deep, "endless": endless})
    depth = 0
    while isinstance(masked["deep"], dict):
        masked, depth = masked["deep"], depth + 1
    assert (depth, masked["deep"], masked["part"]) == (99, MASK, MASK)


def test_a_masker_of_nothing_is_none():
    assert not Masker(["short", SIMULATOR_KEY])
    assert Masker([KEY])
