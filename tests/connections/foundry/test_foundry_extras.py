"""What a call may ask for beside the answer: summaries of thoughts, log probabilities, a tier, further parameters."""

import pytest

from connections.foundry.values import ChatRequest, Message
from tests.connections.foundry.claude_wire import CLAUDE, HI, OPENAI, ROOT, answered, client_of

MODELS = f"{ROOT}/models"
DATED = f"{ROOT}/openai/deployments/gpt-4o?api-version=2024-10-21"


async def test_a_summary_of_thoughts_comes_from_responses(wire):
    request = ChatRequest("reasoning-1", HI, reasoning_effort="low", reasoning_summary="auto")
    completion = await answered(client_of(wire), request, OPENAI)
    assert wire.paths == ["/openai/v1/responses"]
    assert wire.bodies[0]["reasoning"] == {"effort": "low", "summary": "auto"}
    assert completion.reasoning == "Simulated thoughts."


async def test_a_summary_is_asked_for_in_chat_where_there_are_no_responses(wire):
    client, request = client_of(wire), ChatRequest("no-responses", HI, reasoning_summary="auto")
    for _ in range(2):
        assert (await answered(client, request, OPENAI)).text
    assert wire.paths == ["/openai/v1/responses", *["/openai/v1/chat/completions"] * 2]
    assert not {"reasoning", "reasoning_summary"} & set(wire.bodies[-1])


@pytest.mark.parametrize("effort", [None, "high"])
async def test_claude_shows_a_summary_of_its_thoughts(wire, effort):
    completion = await answered(
        client_of(wire), ChatRequest("claude-x", HI, reasoning_effort=effort, reasoning_summary="auto")
    )
    assert wire.bodies[0]["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert wire.bodies[0].get("output_config") == ({"effort": "high"} if effort else None)
    assert completion.reasoning == "Simulated thoughts."


@pytest.mark.parametrize("stream", [True, False])
async def test_log_probabilities_are_told(wire, stream):
    request = ChatRequest("gpt-4o", HI, logprobs=True, top_logprobs=1, stream=stream)
    completion = await answered(client_of(wire), request, OPENAI)
    assert completion.logprobs is not None
    assert "".join(token["token"] for token in completion.logprobs) == completion.text
    other = {"token": "other0", "logprob": -2.0}
    assert completion.logprobs[0] == {"token": "Simulated ", "logprob": -0.25, "top_logprobs": [other]}


async def test_log_probabilities_are_none_where_nobody_asked(wire):
    assert (await answered(client_of(wire), ChatRequest("gpt-4o", HI), OPENAI)).logprobs is None


async def test_a_model_that_tells_no_log_probabilities_answers_without(wire):
    request = ChatRequest("reasoning-1", HI, logprobs=True, top_logprobs=2)
    assert (await answered(client_of(wire), request, OPENAI)).logprobs is None
    assert not {"logprobs", "top_logprobs"} & set(wire.bodies[-1])


async def test_responses_are_asked_for_log_probabilities_in_their_way(wire):
    request = ChatRequest("gpt-4o", HI, logprobs=True, top_logprobs=2)
    await answered(client_of(wire), request, f"{OPENAI}/responses")
    assert (wire.bodies[0]["include"], wire.bodies[0]["top_logprobs"]) == (["message.output_text.logprobs"], 2)


@pytest.mark.parametrize(
    ("url", "model", "tier", "sent"),
    [
        (OPENAI, "gpt-4o", "priority", "priority"),
        (f"{OPENAI}/responses", "gpt-4o", "flex", "flex"),
        (CLAUDE, "claude-x", "default", "standard_only"),
        (CLAUDE, "claude-x", "auto", "auto"),
    ],
)
async def test_a_tier_is_asked_for(wire, url, model, tier, sent):
    await answered(client_of(wire), ChatRequest(model, HI, service_tier=tier), url)
    assert wire.bodies[0]["service_tier"] == sent


@pytest.mark.parametrize(
    ("url", "model", "extra"),
    [
        (OPENAI, "gpt-4o", {"logit_bias": {"50256": -100}}),
        (DATED, "gpt-4o", {"logit_bias": {"50256": -100}}),
        (f"{OPENAI}/responses", "gpt-4o", {"truncation": "auto"}),
        (CLAUDE, "claude-x", {"top_k": 5}),
        (MODELS, "mistral", {"safe_prompt": True}),
    ],
)
async def test_further_parameters_are_sent_as_they_are(wire, url, model, extra):
    await answered(client_of(wire), ChatRequest(model, HI, extra=extra), url)
    assert extra.items() <= wire.bodies[-1].items()
    wanted = "pass-through" if url == MODELS else None
    assert wire.sent[0].headers.get("extra-parameters") == wanted


async def test_the_model_inference_route_is_asked_to_hand_on_nothing_else(wire):
    await answered(client_of(wire), ChatRequest("mistral", (Message("user", "Hi"),)), MODELS)
    assert "extra-parameters" not in wire.sent[0].headers


async def test_a_further_parameter_that_is_refused_is_left_out(wire):
    completion = await answered(client_of(wire), ChatRequest("gpt-4o", HI, extra={"top_k": 5}), OPENAI)
    assert completion.text
    assert ["top_k" in body for body in wire.bodies] == [True, False]
