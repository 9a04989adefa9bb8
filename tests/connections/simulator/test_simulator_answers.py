"""What the simulator answers in both APIs, whole and streamed, and how it goes wrong on purpose."""

import base64
import json
import re
import struct
from email.utils import parsedate_to_datetime

import httpx
import pytest

from connections.simulator import fixed_refusals, parameter_refusals, rate_limits, stream_events
from connections.simulator.app import Simulator
from connections.simulator.faults import __doc__ as FAULTS

KEY, BEARER = {"api-key": "simulator"}, {"Authorization": "Bearer simulator"}
USER = {"role": "user", "content": "Where?"}
CHAT, RESPONSES = "/openai/v1/chat/completions", "/openai/v1/responses"
INFERENCE = "/models/chat/completions?api-version=2024-05-01-preview"
SCHEMA = {
    "type": "object",
    "properties": {"place": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["C"]}},
}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("look", "weather")]
FLAT_TOOLS = [{"type": "function", **tool["function"]} for tool in TOOLS]
ARGUMENTS = {"place": "simulated", "days": 1, "unit": "C"}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def client(**options):
    transport = httpx.ASGITransport(Simulator(delay=0, **options))
    return httpx.AsyncClient(transport=transport, base_url="http://simulator")


@pytest.fixture
async def http():
    async with client() as made:
        yield made


@pytest.fixture
async def real(simulator_server):
    async with httpx.AsyncClient(base_url=simulator_server, headers=KEY) as made:
        yield made


def asking(model="fast", text="Where?", **more):
    return {"model": model, "messages": [{"role": "user", "content": text}]} | more


async def chat(http, *args, path=CHAT, **more):
    response = await http.post(path, headers=KEY | BEARER, json=asking(*args, **more))
    assert response.status_code == 200, response.text
    return response.json()


async def streamed(http, path, body):
    """Read as the specification of event streams says: any line end, data lines joined."""
    response = await http.post(path, headers=KEY, json=body | {"stream": True})
    assert response.status_code == 200, response.text
    found = []
    for block in re.split(r"(?:\r\n|\r|\n){2}", response.content.decode()):
        lines = re.split(r"\r\n|\r|\n", block)
        data = [line.removeprefix("data:").removeprefix(" ") for line in lines if line.startswith("data:")]
        if data:
            found.append("\n".join(data))
    return [json.loads(data) if data != "[DONE]" else data for data in found]


def deltas(chunks, field="content", index=0):
    choices = [choice for chunk in chunks if chunk != "[DONE]" for choice in chunk["choices"]]
    return [c["delta"][field] for c in choices if c["index"] == index and (c.get("delta") or {}).get(field)]


async def test_a_tool_is_called_when_the_prompt_asks_for_it(http):
    choice = (await chat(http, text="Please call weather now", tools=TOOLS))["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", None)
    [call] = choice["message"]["tool_calls"]
    assert call["function"]["name"] == "weather"
    assert json.loads(call["function"]["arguments"]) == ARGUMENTS


@pytest.mark.parametrize(
    ("text", "more", "names"),
    [
        ("Where?", {}, []),
        ("Where?", {"tool_choice": "required"}, ["look"]),
        ("Where?", {"tool_choice": {"type": "function", "function": {"name": "weather"}}}, ["weather"]),
        ("call look", {"tool_choice": "none"}, []),
        ("call look and call weather", {}, ["look", "weather"]),
        ("call look and call weather", {"parallel_tool_calls": False}, ["look"]),
    ],
)
async def test_the_choice_of_tools_is_obeyed(http, text, more, names):
    message = (await chat(http, text=text, tools=TOOLS, **more))["choices"][0]["message"]
    assert [call["function"]["name"] for call in message.get("tool_calls", [])] == names


async def test_the_calls_of_a_stream_come_in_pieces(http):
    chunks = await streamed(http, CHAT, asking(text="call look and call weather", tools=TOOLS))
    pieces = [piece for group in deltas(chunks, "tool_calls") for piece in group]
    for index, name in enumerate(("look", "weather")):
        own = [piece for piece in pieces if piece["index"] == index]
        assert own[0]["function"]["name"] == name
        assert len(own) > 2
        assert json.loads("".join(piece["function"]["arguments"] for piece in own)) == ARGUMENTS
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"


async def test_the_result_of_a_tool_is_answered_with_words(http):
    first = (await chat(http, text="call look", tools=TOOLS))["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": first["tool_calls"][0]["id"], "content": "a lake"}
    messages = [
        {"role": "user", "content": "call look"},
        {"role": "assistant", "tool_calls": first["tool_calls"]},
        result,
    ]
    message = (await chat(http, messages=messages, tools=TOOLS))["choices"][0]["message"]
    assert message["content"] == "Simulated answer of fast. You said: call look The tool said: a lake"


async def test_images_are_counted(http):
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "What?"}, image, image]}]
    text = (await chat(http, messages=messages))["choices"][0]["message"]["content"]
    assert text == "Simulated answer of fast. You said: What? You sent 2 images."


async def test_thoughts_stand_where_each_route_puts_them(http):
    message = (await chat(http, "deepseek-r1"))["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"][:9]) == ("Simulated thoughts.", "Simulated")
    assert deltas(await streamed(http, CHAT, asking("deepseek-r1")), "reasoning_content") == ["Simulated", "thoughts."]
    aloud = (await chat(http, "deepseek-r1", path=INFERENCE))["choices"][0]["message"]
    assert aloud["content"].startswith("<think>Simulated thoughts.</think>\n\nSimulated answer of deepseek-r1.")
    assert "reasoning_content" not in aloud


async def test_thoughts_are_counted_and_may_eat_the_budget(http):
    usage = (await chat(http, "reasoning-1"))["usage"]
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 64
    assert usage["completion_tokens"] == 64 + 7
    choice = (await chat(http, "reasoning-1", max_completion_tokens=20))["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("length", "")


@pytest.mark.parametrize(("path", "detailed"), [(CHAT, True), (INFERENCE, False), ("/v1/chat/completions", False)])
async def test_only_azure_openai_tells_details_of_the_usage(http, path, detailed):
    usage = (await chat(http, text="word " * 1100, path=path))["usage"]
    assert len(usage) == (5 if detailed else 3)
    assert not detailed or usage["prompt_tokens_details"]["cached_tokens"] == 1024


async def test_several_choices_have_numbers(http):
    assert [choice["index"] for choice in (await chat(http, n=3))["choices"]] == [0, 1, 2]
    chunks = await streamed(http, CHAT, asking(n=2))
    assert deltas(chunks, index=0) == deltas(chunks, index=1) != []


def message_events(kind, count):
    part = ["response.content_part.added", *[f"response.{kind}.delta"] * count, f"response.{kind}.done"]
    return ["response.output_item.added", *part, "response.content_part.done", "response.output_item.done"]


@pytest.mark.parametrize(
    ("body", "inside", "end"),
    [
        ({"model": "fast"}, message_events("output_text", 7), "completed"),
        ({"model": "refusal"}, message_events("refusal", 1), "completed"),
        ({"model": "length"}, message_events("output_text", 7), "incomplete"),
        ({"model": "filtered-answer"}, message_events("output_text", 7), "incomplete"),
        ({"model": "response-failed"}, [], "failed"),
        (
            {"model": "reasoning-1"},
            ["response.output_item.added", "response.output_item.done", *message_events("output_text", 7)],
            "completed",
        ),
    ],
)
async def test_the_events_of_responses_come_in_order(http, body, inside, end):
    events = await streamed(http, RESPONSES, body | {"input": "Where?"})
    kinds = [event["type"] for event in events]
    assert kinds == ["response.created", "response.in_progress", *inside, f"response.{end}"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[-1]["response"]["status"] == end
    assert events[-1]["response"]["usage"]["total_tokens"]


async def test_a_summary_of_thoughts_is_streamed_when_it_is_wanted(http):
    body = {"model": "reasoning-1", "input": "x", "reasoning": {"effort": "low", "summary": "auto"}}
    kinds = [event["type"] for event in await streamed(http, RESPONSES, body)]
    assert "response.reasoning_summary_text.delta" in kinds
    assert (await http.post(RESPONSES, headers=KEY, json=body)).json()["output"][0]["summary"][0]["text"]


async def test_a_function_call_of_responses_is_an_item(http):
    body = {"model": "fast", "input": "call look", "tools": FLAT_TOOLS}
    [call] = (await http.post(RESPONSES, headers=KEY, json=body)).json()["output"]
    assert (call["type"], call["name"], json.loads(call["arguments"])) == ("function_call", "look", ARGUMENTS)
    events = await streamed(http, RESPONSES, body)
    pieces = [event["delta"] for event in events if event["type"] == "response.function_call_arguments.delta"]
    assert json.loads("".join(pieces)) == ARGUMENTS
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "a lake"}
    again = await http.post(
        RESPONSES, headers=KEY, json=body | {"input": [{"role": "user", "content": "x"}, call, output]}
    )
    assert again.json()["output"][0]["content"][0]["text"].endswith("The tool said: a lake")


@pytest.mark.parametrize(
    ("model", "status", "reason"),
    [
        ("length", "incomplete", "max_output_tokens"),
        ("response-incomplete", "incomplete", "max_output_tokens"),
        ("filtered-answer", "incomplete", "content_filter"),
        ("response-failed", "failed", None),
        ("no-chat", "completed", None),
    ],
)
async def test_a_response_tells_how_it_ended(http, model, status, reason):
    given = {"instructions": "Be short.", "metadata": {"a": "b"}}
    whole = (await http.post(RESPONSES, headers=KEY, json={"model": model, "input": "x"} | given)).json()
    assert whole["status"] == status
    assert (whole["incomplete_details"] or {}).get("reason") == reason
    assert bool(whole["error"]) is (status == "failed")
    assert {name: whole[name] for name in given} == given


async def test_a_response_without_room_has_thoughts_alone(http):
    body = {"model": "reasoning-1", "input": "x", "max_output_tokens": 20}
    whole = (await http.post(RESPONSES, headers=KEY, json=body)).json()
    assert [item["type"] for item in whole["output"]] == ["reasoning"]
    assert whole["incomplete_details"] == {"reason": "max_output_tokens"}


async def test_both_encodings_of_an_embedding_carry_the_same_numbers(http):
    body = {"model": "text-embedding-3-small", "input": ["one two", "three"], "dimensions": 5}
    plain = (await http.post("/openai/v1/embeddings", headers=KEY, json=body)).json()
    encoded = (await http.post("/openai/v1/embeddings", headers=KEY, json=body | {"encoding_format": "base64"})).json()
    for one, other in zip(plain["data"], encoded["data"], strict=True):
        assert list(struct.unpack("<5f", base64.b64decode(other["embedding"]))) == one["embedding"]
    assert plain["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    tokens = (await http.post("/openai/v1/embeddings", headers=KEY, json=body | {"input": [[1, 2], [3]]})).json()
    assert tokens["usage"]["total_tokens"] == 3


async def test_claude_answers_in_its_own_form(http):
    body = asking("claude") | {"max_tokens": 100}
    headers = {"x-api-key": "simulator", "anthropic-version": "2023-06-01"}
    answer = (await http.post("/anthropic/v1/messages", headers=headers, json=body)).json()
    assert answer["content"][0]["text"] == "Simulated answer of claude. You said: Where?"


def names_of_faults():
    tables = (
        fixed_refusals.FIXED_REFUSALS,
        fixed_refusals.NOT_JSON,
        rate_limits.RETRIES,
        stream_events.BREAKS,
        stream_events.FORMS,
        parameter_refusals.RULES,
    )
    return sorted({name for table in tables for name in table} | {name for name, _ in fixed_refusals.MISSING_API})


@pytest.mark.parametrize("name", names_of_faults())
def test_every_fault_is_described(name):
    assert re.search(rf"(?<![\w-]){name}(?![\w-])", FAULTS)


@pytest.mark.parametrize("name", sorted(fixed_refusals.FIXED_REFUSALS))
async def test_what_is_always_refused_has_its_status_and_says_that_it_is_simulated(http, name):
    for path, body in ((CHAT, asking(name)), (RESPONSES, {"model": name, "input": "x"})):
        response = await http.post(path, headers=KEY, json=body)
        assert response.status_code == fixed_refusals.FIXED_REFUSALS[name].status
        assert response.headers["x-simulated"] == "true"
        assert "simulated" in response.text or not response.content


@pytest.mark.parametrize(
    ("model", "field", "code", "param"),
    [
        ("no-reasoning-effort", {"reasoning_effort": "low"}, "unsupported_value", "reasoning_effort"),
        ("no-stop", {"stop": "x"}, "unsupported_parameter", "stop"),
        ("reasoning-1", {"top_p": 0.5}, "unsupported_parameter", "top_p"),
        ("reasoning-1", {"temperature": 0.5}, "unsupported_value", "temperature"),
    ],
)
async def test_a_model_refuses_a_parameter_by_name(http, model, field, code, param):
    error = (await http.post(CHAT, headers=KEY, json=asking(model) | field)).json()["error"]
    assert (error["code"], error["param"]) == (code, param)
    assert (await http.post(CHAT, headers=KEY, json=asking(model))).status_code == 200


async def test_compatible_servers_refuse_stream_options_in_their_own_words(http):
    body = asking("no-stream-options", stream=True)
    refused = await http.post("/v1/chat/completions", headers=BEARER, json=body | {"stream_options": {}})
    assert (refused.status_code, refused.json()["object"]) == (400, "error")
    assert (await http.post("/v1/chat/completions", headers=BEARER, json=body)).status_code == 200


async def test_a_model_may_lack_the_responses_api(http):
    refused = await http.post(RESPONSES, headers=KEY, json={"model": "no-responses", "input": "x"})
    assert (refused.status_code, "model not supported" in refused.text) == (400, True)
    assert (await http.post(CHAT, headers=KEY, json=asking("no-responses"))).status_code == 200


async def test_a_rate_is_counted_in_slices_of_a_second():
    clock = Clock()
    async with client(clock=clock) as http:

        async def ask():
            return await http.post(CHAT, headers=KEY, json=asking("rpm-120"))

        clock.now = 0.25
        found = [await ask() for _ in range(3)]
        assert [response.status_code for response in found] == [200, 200, 429]
        assert found[2].headers["retry-after-ms"] == "1000"
        assert found[2].headers["retry-after"] == "1"
        assert [response.headers["x-ratelimit-remaining-requests"] for response in found] == ["1", "0", "0"]
        assert found[0].headers["x-ratelimit-limit-requests"] == "120"
        clock.now = 1.25
        assert (await ask()).status_code == 200


async def test_a_slow_rate_has_room_for_one_request_at_a_time():
    clock = Clock()
    async with client(clock=clock) as http:
        found = []
        for clock.now in (0, 5, 10, 11):
            found.append((await http.post(CHAT, headers=KEY, json=asking("rpm-6"))).status_code)
        assert found == [200, 429, 200, 429]


@pytest.mark.parametrize("name", sorted(rate_limits.RETRIES))
async def test_a_retry_is_asked_for_in_every_form(http, name):
    for times in (1, 2):
        model = name if times == 1 else f"{name}-2"
        found = [await http.post(CHAT, headers=KEY, json=asking(model)) for _ in range(times + 1)]
        assert [response.status_code for response in found] == [429] * times + [200]
        assert set(rate_limits.RETRIES[name]()) <= set(found[0].headers)
    assert ("retry-after" in found[0].headers) == (
        name in ("retry-date", "retry-s-only", "retry-garbage", "retry-zero")
    )
    if name == "retry-date":
        assert parsedate_to_datetime(found[0].headers["retry-after"])


@pytest.mark.parametrize(
    "model", [*stream_events.FORMS, "one-burst", "after-done", "late-block", "usage-on-finish", "no-usage"]
)
async def test_a_stream_of_any_form_has_the_same_text(http, model):
    body = asking(model, stream_options={"include_usage": True})
    chunks = await streamed(http, CHAT, body)
    chunks = chunks[: chunks.index("[DONE]") + 1]
    text = f"Simulated answer of {model}. You said: Where?"
    assert "".join(deltas(chunks)) == text + (" \N{PARTY POPPER} a\u2028b" if model == "split-bytes" else "")
    assert any(chunk.get("usage") for chunk in chunks[:-1]) is (model != "no-usage")
    events = await streamed(http, RESPONSES, {"model": model, "input": "Where?"})
    assert "".join(e["delta"] for e in events if e != "[DONE]" and e["type"].endswith("text.delta")).startswith(text)


async def test_the_bytes_of_a_stream_come_as_they_are_asked_for(http):
    async def chunks_of(model):
        async with http.stream("POST", CHAT, headers=KEY, json=asking(model, stream=True)) as response:
            return [chunk async for chunk in response.aiter_raw() if chunk]

    # The transport in memory gathers everything, so these look at the form alone.
    assert b"\r\n\r\n" in b"".join(await chunks_of("crlf"))
    assert b"\n" not in b"".join(await chunks_of("cr"))
    assert b"data:{" in b"".join(await chunks_of("no-blank"))
    assert b"\n: keep-alive" in b"".join(await chunks_of("comments"))
    assert len(stream_events.chunks_of("split-bytes", stream_events.StreamEvent("é"))) == len("data: é\n\n".encode())


@pytest.mark.parametrize(("model", "flat"), [("error-in-stream", False), ("event-error", True)])
async def test_an_error_in_a_stream_has_two_forms(http, model, flat):
    last = (await streamed(http, RESPONSES, {"model": model, "input": "x"}))[-1]
    assert (last["type"], "code" in last) == ("error", flat)
    response = await http.post(CHAT, headers=KEY, json=asking(model, stream=True))
    assert ("event: error" in response.text) is flat
    assert "[DONE]" not in response.text


@pytest.mark.parametrize(
    ("model", "found"),
    [("filter-down", "error"), ("filtered-answer", "violence"), ("fast", "hate")],
)
async def test_the_filter_says_what_it_found(http, model, found):
    choice = (await chat(http, model))["choices"][0]
    assert found in choice["content_filter_results"]
    assert choice["message"]["content"].startswith("Simulated answer")


async def test_a_refusal_is_no_content(http):
    message = (await chat(http, "refusal"))["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == (None, "I cannot answer that (simulated).")
    assert deltas(await streamed(http, CHAT, asking("refusal")), "refusal") == ["I cannot answer that (simulated)."]


async def test_half_a_character_does_no_harm(http):
    response = await http.post(CHAT, headers=KEY, content=json.dumps(asking(text="\ud83d", stream=True)).encode())
    assert (response.status_code, "[DONE]" in response.text) == (200, True)


async def test_a_dropped_connection_has_no_answer(real):
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await real.post(CHAT, json=asking("drop"))


async def test_a_connection_may_break_in_a_stream(real):
    text = ""
    with pytest.raises(httpx.RemoteProtocolError):  # noqa: PT012  the text before counts too
        async with real.stream("POST", CHAT, json=asking("drop-in-stream", stream=True)) as response:
            async for piece in response.aiter_text():
                text += piece
    assert "Simulated" in text


async def test_a_huge_header_is_more_than_a_client_reads(real):
    with pytest.raises(httpx.RemoteProtocolError):
        await real.post(CHAT, json=asking("huge-header"))


async def test_a_huge_answer_is_huge(http):
    response = await http.post(CHAT, headers=KEY, json=asking("huge"))
    assert len(response.content) > 20 * 1024 * 1024


async def test_a_stream_falls_silent(real):
    with pytest.raises(httpx.ReadTimeout):
        await real.post(CHAT, json=asking("hang-in-stream", stream=True), timeout=0.3)
