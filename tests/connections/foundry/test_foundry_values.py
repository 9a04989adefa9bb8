"""What connections, limits and counts of tokens say of themselves."""

from dataclasses import replace

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.values import Completion, FilterResult, Header, Identity, Limits, Target, Usage
from connections.secret import Secret

KEY, CLIENT, PASSWORD, EXTRA = (Secret(f"planted-{name}") for name in ("key", "client", "password", "extra"))


def test_counts_of_tokens_add_up():
    one, other = Usage(1, 2, 3, 4, None, 6), Usage(10, 20, 30, None, 50, None, 70)
    assert one + other == other + one == Usage(11, 22, 33, 4, 50, 6, 70)
    assert (one + one).estimated_tokens is None
    assert other + other == Usage(20, 40, 60, 0, 100, 0, 140)
    assert Usage() + Usage() == Usage(0, 0, 0, 0, 0, 0, None)


def test_a_connection_knows_what_must_not_be_seen_and_what_it_signs_in_with():
    keyed = Target("t", parse_endpoint("https://gw.contoso.example/v1"), KEY)
    signed = replace(
        keyed,
        key=Secret(""),
        identity=Identity("certificate", "t", "c", CLIENT, PASSWORD),
        extra_header=Header("x", EXTRA),
    )
    own = replace(keyed, key=Secret(""), identity=Identity("managed_identity"))
    assert (keyed.secrets, signed.secrets, own.secrets) == ((KEY,), (EXTRA, CLIENT, PASSWORD), ())
    assert (keyed.fingerprint, signed.fingerprint, own.fingerprint) == (KEY.fingerprint, CLIENT.fingerprint, "")


def test_any_limit_is_one():
    assert not Limits().any
    assert not Limits(spill_over_to="other").any
    assert all(Limits(**{name: 0}).any for name in ("calls", "requests", "tokens", "tokens_a_day"))


def test_only_what_cut_the_answer_is_named():
    filters = (
        FilterResult("completion", "hate", True, "high"),
        FilterResult("prompt", "violence", False),
        FilterResult("prompt", "jailbreak", True),
    )
    made = Completion("", None, "content_filter", Usage(), None, None, 200, "u", filters=filters)
    assert made.filtered == "hate, high; jailbreak"
