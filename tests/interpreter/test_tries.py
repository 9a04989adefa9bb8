"""The tries of an action: when there is another, and what all of them together waited for and spent."""

import asyncio

import pytest

from flows.actions.base import Result
from flows.actions.refused_try import RefusedTry
from flows.interpreter.tries import LONGEST_DELAY, TRANSIENT, Tries
from flows.language.errors import ActionError
from flows.language.nodes import Retry


def error(kind="server", status=503, **facts):
    return ActionError(kind, "It failed.", status=status, facts=facts)


def test_without_a_retry_there_is_one_try():
    tries = Tries(None, None)
    assert tries.delay_after(error()) is None
    assert tries.reason_to_wait(error()) == "Try 1 of 1 after: It failed."


def test_delays_grow_by_the_backoff_and_end_with_the_tries():
    tries = Tries(Retry(attempts=4, delay=2.0, backoff=3.0), None)
    assert [tries.delay_after(error()) for _ in range(4)] == [2.0, 6.0, 18.0, None]
    assert tries.number == 4


def test_no_delay_is_longer_than_an_hour():
    tries = Tries(Retry(attempts=3, delay=3_000.0, backoff=10.0), None)
    assert [tries.delay_after(error()), tries.delay_after(error())] == [3_000.0, LONGEST_DELAY]


@pytest.mark.parametrize("kind", TRANSIENT)
def test_what_may_pass_by_itself_is_tried_again(kind):
    assert Tries(Retry(attempts=2), None).delay_after(error(kind)) == 1.0


def test_what_does_not_pass_is_tried_again_only_when_the_retry_names_it():
    assert Tries(Retry(attempts=2), None).delay_after(error("auth_key", 401)) is None
    assert Tries(Retry(attempts=2, on=("auth_key",)), None).delay_after(error("auth_key", 401)) == 1.0
    assert Tries(Retry(attempts=2, on=("auth_key",)), None).delay_after(error("server")) is None


def test_what_may_have_changed_something_is_tried_again_only_when_the_retry_names_it():
    written = ActionError("server", "It failed.", may_repeat=False)
    assert Tries(Retry(attempts=2), None).delay_after(written) is None
    assert Tries(Retry(attempts=2, on=("server",)), None).delay_after(written) == 1.0


def test_a_refused_try_says_which_of_how_many_it_was():
    tries = Tries(Retry(attempts=3), None)
    tries.delay_after(error("rate_limit", 429))
    refused = tries.refused_try(error("rate_limit", 429), 12.5)
    assert refused == RefusedTry(1, 3, "rate_limit", "It failed.", 12.5, 429)
    assert tries.reason_to_wait(error()) == "Try 2 of 3 after: It failed."


def after_two_refusals():
    tries = Tries(Retry(attempts=3, delay=0.5, backoff=2.0), None)
    tries.delay_after(error("rate_limit", 429, throttled=2, waited_ms=100, usage={"total_tokens": 7}))
    tries.delay_after(error("server", 503, waited_ms=30))
    return tries


def test_a_result_counts_what_all_its_tries_waited_and_spent():
    found = after_two_refusals().annotate_result(
        Result(output="x", facts={"throttled": 1, "model": "m"}, usage={"total_tokens": 5})
    )
    assert found.facts == {"tries": 3, "throttled": 4, "waited_ms": 1_630, "model": "m"}
    assert (found.output, found.usage) == ("x", {"total_tokens": 12})


def test_a_result_of_tries_that_spent_nothing_keeps_its_usage():
    tries = Tries(Retry(attempts=2, delay=0.0), None)
    tries.delay_after(error())
    usage = {"total_tokens": 5, "cached": 0}
    found = tries.annotate_result(Result(usage=usage))
    assert found.usage is usage
    assert found.facts == {"tries": 2}
    assert tries.annotate_result(Result(usage=None)).usage is None


def test_tokens_of_refused_tries_are_spent_although_the_last_says_none():
    assert after_two_refusals().annotate_result(Result()).usage == {"total_tokens": 7}


def test_a_first_try_is_left_as_it_is():
    result, failed = Result(facts={"model": "m"}), error(model="m")
    assert Tries(Retry(attempts=3), None).annotate_result(result) is result
    assert Tries(None, None).annotate_error(failed).facts == {"model": "m"}


def test_the_last_error_says_what_all_tries_waited_and_spent():
    facts = after_two_refusals().annotate_error(error(waited_ms=1, usage={"total_tokens": 1})).facts
    assert facts == {"tries": 3, "throttled": 3, "waited_ms": 1_631, "usage": {"total_tokens": 8}}


async def sleep_within(tries):
    async with tries.within_timeout():
        assert tries.facts == {}
        await asyncio.sleep(30)


async def test_a_try_that_takes_too_long_says_after_how_many_seconds():
    tries = Tries(None, 0.001)
    tries.facts = {"of": "the try before"}
    with pytest.raises(ActionError, match=r"^The action took longer than its timeout of 0\.001 s\.$") as raised:
        await sleep_within(tries)
    assert (raised.value.kind, raised.value.hint) == ("timeout", "Raise the timeout in the property panel.")


async def test_a_timeout_of_something_else_is_no_timeout_of_the_try():
    with pytest.raises(TimeoutError):
        async with Tries(None, 30).within_timeout():
            raise TimeoutError
