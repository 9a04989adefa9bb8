"""No text that is pasted takes long, raises, or shows a key."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connections.endpoint.paste import read_paste
from connections.secret import Secret
from tests.connections.endpoint.pastes import AZURE, KEY

HOSTILE = [
    "a=", "a:", "a(", "(", "a.a(", "a.", "[", "{", "{{", "{a}", "${", "$a", "%a", '"', "'", "`", '\\"', "\\", "\\\n", " \\ ", "^", "#", "\n#", " ", "\n",
    "https://", "https://a", "https://a ", "https://a.", "http://a/,", "curl ", "curl -H ", "curl a.a.a/ ", "a-", "a_", "_KEY=", "key=", "key=x+", 'key="a"+', "key:a ",
    'endpoint="{endpoint}{endpoint}"', 'a="{a}{a}"', "endpoint=https://a ", "model=a ", "AZURE_", "AZURE_A=", "export ", "Bearer ", "new ", "WithEndpoint(", "WithEndpoint(a",
    "ServiceVersion.", ".strip(", ".strip()", "api_version=", "x", "é", "\ud800", "\x00", "AzureOpenAI(", "= ", ": str", "a: str ", "a )", "'a',", "-x ", "a.openai.azure.com/",
    "http", "https", "@", "https://a@", "https://a:", "-preview", "2024-", "key_", "endpointmodel", "a\n", "a\n=", "a=\n", "a+", "+ ", "a + ", "a={b}", "a=$b", "a=$a", "a=%b%", "a:{a}", 'a="$a', 'endpoint="{x}", ', "a='{a", "b,a=", '"a",', '("a") or ',
]  # fmt: skip


LONGEST = 0.4  # seconds


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize(
    "around", ["{}", "curl {}", "curl -d {}", "endpoint={}", 'x="{}', "{}\nendpoint='https://a.openai.azure.com'"]
)
def test_a_hostile_text_takes_no_time(piece, around):
    text = around.replace("{}", piece * (19_900 // len(piece)))
    assert shortest(text) < LONGEST


@pytest.mark.parametrize(
    "text",
    [
        "a={a}b=".join(["a:{a}"] * 2_000),
        " ".join(f"n{i}='{{n{i - 1}}}{{n{i - 1}}}{{n{i - 1}}}{{n{i - 1}}}'" for i in range(700)).replace(
            "{n-1}", "x" * 50
        ),
        "".join(piece * 250 for piece in ("https://a@", "a:{a}", "a=", "a:")) * 4,
        "a=$a%ahttps://a" * 1_300,
        "a=$ahttp://a/,{a}" * 1_100,
        "curl " + "+ {a}a:{a}" * 1_900,
    ],
)
def test_names_that_grow_take_no_time(text):
    assert shortest(text[:20_000]) < LONGEST


def shortest(text):
    """Seconds of the processor. What it must not be takes many times as long; a slow machine gets more than one try."""
    for _ in range(4):
        start = time.thread_time()
        read_paste(text)
        if (took := time.thread_time() - start) < LONGEST:
            break
    return took


WORDS = st.sampled_from([*HOSTILE, AZURE, KEY, "endpoint", "api_key", "model", "=", ": ", ", ", "f", "{endpoint}", "gpt-4o", " + "])  # fmt: skip
ANYTHING = st.text(st.characters(codec=None, exclude_categories=()), max_size=200)


@given(ANYTHING | st.lists(WORDS, max_size=30).map("".join))
@settings(max_examples=500, deadline=None)
def test_no_text_raises_and_a_key_is_a_secret(text):
    found = read_paste(text)
    if found is not None:
        assert found.address
        assert found.key is None or (isinstance(found.key, Secret) and 8 <= len(found.key.reveal()) <= 4_096)
