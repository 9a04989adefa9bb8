"""Bodies that the service refuses, and how it says so."""

import httpx
import pytest

from connections.simulator.app import Simulator

KEY, BEARER = {"api-key": "simulator"}, {"Authorization": "Bearer simulator"}
USER = {"role": "user", "content": "Where?"}
ASK, INPUT = {"model": "fast", "messages": [USER]}, {"model": "fast", "input": "Where?"}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
PDF = "data:application/pdf;base64,JVBERi0="
FILE = {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}}
FLAT_FILE = {"type": "input_file", "filename": "a.pdf", "file_data": PDF}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
FLAT_TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
CALLED = {
    "role": "assistant",
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "found"}
OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


@pytest.fixture
async def http():
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(Simulator(delay=0)), base_url="http://simulator"
    ) as made:
        yield made


def schema(**more):
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": OBJECT} | more}}


def format_of(**more):
    return {"text": {"format": {"type": "json_schema", "name": "n", "schema": OBJECT} | more}}


@pytest.mark.parametrize(
    "field",
    [
        {"temperature": 1, "top_p": 0.5, "seed": 7, "stop": ["a"], "user": "u", "logit_bias": {"1": 2}, "n": None},
        {"messages": [{"role": "system", "content": "Be short."}, USER, {"role": "assistant", "content": "Here."}, USER]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Where?"}, IMAGE]}]},
        {"messages": [USER, CALLED, RESULT], "tools": [TOOL]},
        {"tools": [TOOL] * 128, "tool_choice": "auto", "parallel_tool_calls": True},
        {"metadata": {"a": "b"}, "store": True},
        {"stream": True, "stream_options": {"include_usage": True}},
        schema(),
        schema(strict=True, description="d"),
        {"response_format": {"type": "json_object"}, "messages": [{"role": "user", "content": "Some JSON."}]},
        {"messages": [USER] * 2048},
    ],
)  # fmt: skip
async def test_a_good_chat_passes(http, field):
    response = await http.post("/openai/v1/chat/completions", headers=KEY, json=ASK | field)
    assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("field", "code", "param"),
    [
        ({"nonsense": 1}, "unknown_parameter", "nonsense"),
        ({"stream": True, "stream_options": {"nonsense": 1}}, "unknown_parameter", "stream_options.nonsense"),
        ({"input": "x"}, "unknown_parameter", "input"),
        ({"temperature": "hot"}, "invalid_type", "temperature"),
        ({"temperature": 3}, "decimal_above_max_value", "temperature"),
        ({"n": 0}, "integer_below_min_value", "n"),
        ({"n": True}, "invalid_type", "n"),
        ({"max_tokens": "x"}, "invalid_type", "max_tokens"),
        ({"stream_options": []}, "invalid_type", "stream_options"),
        ({"stream_options": {"include_usage": True}}, None, "stream_options"),
        ({"stop": ["a"] * 5}, "array_above_max_length", "stop"),
        ({"messages": "x"}, "invalid_type", "messages"),
        ({"messages": []}, "empty_array", "messages"),
        ({"messages": [7]}, "invalid_type", "messages[0]"),
        ({"messages": [{"content": "x"}]}, "missing_required_parameter", "messages[0].role"),
        ({"messages": [{"role": "boss", "content": "x"}]}, "invalid_value", "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "missing_required_parameter", "messages[0].content"),
        ({"messages": [{"role": "assistant"}]}, "missing_required_parameter", "messages[0].content"),
        ({"messages": [{"role": "user", "content": "x" * 1_048_577}]}, "string_above_max_length", "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "input_text", "text": "x"}]}]}, "invalid_value", "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "https://x"}]}]}, "invalid_type", "messages[0].content[0].image_url"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///x"}}]}]}, "invalid_image_url", "messages[0].content[0].image_url.url"),
        ({"messages": [{"role": "user", "content": [IMAGE] * 51}]}, None, "messages"),
        ({"messages": [{"role": "user", "content": [IMAGE, FILE]}]}, "invalid_value", "messages[0].content[1].type"),
        ({"messages": [{"role": "system", "content": "x"}, {"role": "developer", "content": "x"}, USER]}, None, "messages"),
        ({"messages": [USER] * 2049}, "array_above_max_length", "messages"),
        ({"messages": [USER, RESULT]}, None, "messages.[1].role"),
        ({"messages": [USER, CALLED, USER]}, None, "messages"),
        ({"tools": [TOOL] * 129}, "array_above_max_length", "tools"),
        ({"tools": [FLAT_TOOL]}, "missing_required_parameter", "tools[0].function"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "x"}}}, None, "tool_choice"),
        ({"tool_choice": "auto"}, None, "tool_choice"),
        ({"metadata": {"a": "b"}}, None, "metadata"),
        ({"metadata": {"a": 1}, "store": True}, "invalid_type", "metadata.a"),
        ({"reasoning_effort": "enormous"}, "invalid_value", "reasoning_effort"),
        ({"response_format": {"type": "yaml"}}, "invalid_value", "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "missing_required_parameter", "response_format.json_schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}, "missing_required_parameter", "response_format.json_schema.name"),
        (schema(name="a b"), "invalid_value", "response_format.json_schema.name"),
        (schema(schema={"type": "object", "properties": {}}, strict=True), None, "response_format"),
        (schema(schema={**OBJECT, "required": []}, strict=True), None, "response_format"),
        (schema(schema={**OBJECT, "properties": {"a": {"type": "object"}}}, strict=True), None, "response_format"),
        ({"response_format": {"type": "json_object"}}, None, "messages"),
    ],
)  # fmt: skip
async def test_a_bad_chat_is_refused_by_name(http, field, code, param):
    response = await http.post("/openai/v1/chat/completions", headers=KEY, json=ASK | field)
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert (error["code"], error["param"]) == (code, param)
    # The same body does no harm where nobody is strict.
    if isinstance((ASK | field)["messages"], list) and (ASK | field)["messages"]:
        lenient = await http.post("/v1/chat/completions", headers=BEARER, json=ASK | field)
        assert lenient.status_code == 200


async def test_metadata_wants_to_be_stored(http):
    response = await http.post("/openai/v1/chat/completions", headers=KEY, json=ASK | {"metadata": {"a": "b"}})
    assert "The 'metadata' parameter is only allowed when 'store' is enabled." in response.json()["error"]["message"]


@pytest.mark.parametrize(
    "field",
    [
        {"instructions": "Be short.", "max_output_tokens": 16, "store": False, "metadata": {"a": "b"}},
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "x"}, {"type": "input_image", "image_url": "https://x/y.png"}]}]},
        {"input": [{"type": "message", "role": "developer", "content": "x"}, {"role": "assistant", "content": [{"type": "output_text", "text": "x"}]}, USER]},
        {"input": [USER, {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}, {"type": "function_call_output", "call_id": "c", "output": "x"}]},
        {"input": [{"type": "reasoning", "id": "rs_1", "summary": []}, USER]},
        {"input": [{"role": "user", "content": [FLAT_FILE]}]},
        {"tools": [FLAT_TOOL, {"type": "web_search_preview"}], "tool_choice": {"type": "function", "name": "look"}},
        {"reasoning": {"effort": "low", "summary": "auto"}, "text": {"verbosity": "low"}},
        format_of(),
        format_of(strict=True),
        {"text": {"format": {"type": "json_object"}}, "input": "Some JSON."},
    ],
)  # fmt: skip
async def test_a_good_response_is_made(http, field):
    response = await http.post("/openai/v1/responses", headers=KEY, json=INPUT | field)
    assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("field", "code", "param"),
    [
        ({"messages": [USER]}, "unknown_parameter", "messages"),
        ({"stop": "x"}, "unknown_parameter", "stop"),
        ({"seed": 1}, "unknown_parameter", "seed"),
        ({"n": 1}, "unknown_parameter", "n"),
        ({"max_tokens": 50}, "unknown_parameter", "max_tokens"),
        ({"stream": True, "stream_options": {"include_usage": True}}, "unknown_parameter", "stream_options.include_usage"),
        ({"response_format": {"type": "text"}}, "unsupported_parameter", "response_format"),
        ({"max_output_tokens": 15}, "integer_below_min_value", "max_output_tokens"),
        ({"input": None}, "missing_required_parameter", "input"),
        ({"input": 7}, "invalid_type", "input"),
        ({"input": [{"role": "tool", "content": "x"}]}, "invalid_value", "input[0].role"),
        ({"input": [{"type": "nonsense"}]}, "invalid_value", "input[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}, "invalid_value", "input[0].content[0].type"),
        ({"input": [{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}]}, "invalid_value", "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "output_text", "text": "x"}]}]}, "invalid_value", "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": {"url": "https://x"}}]}]}, "invalid_type", "input[0].content[0].image_url"),
        ({"input": [{"role": "user", "content": [FLAT_FILE | {"file_data": "data:text/plain;base64,aGk="}]}]}, "invalid_value", "input[0].content[0].file_data"),
        ({"input": [{"role": "user", "content": [FLAT_FILE | {"file_data": "JVBERi0="}]}]}, "invalid_value", "input[0].content[0].file_data"),
        ({"input": [{"role": "user", "content": [FLAT_FILE | {"filename": None}]}]}, "missing_required_parameter", "input[0].content[0].filename"),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "https://x/a.pdf"}]}]}, "invalid_value", "input[0].content[0].file_url"),
        ({"input": [{"role": "user", "content": [FLAT_FILE | {"file": {}}]}]}, "unknown_parameter", "input[0].content[0].file"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "look", "arguments": {}}]}, "invalid_type", "input[0].arguments"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, None, "input"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}]}, None, "input"),
        ({"tools": [TOOL]}, "missing_required_parameter", "tools[0].name"),
        ({"tools": [FLAT_TOOL], "tool_choice": {"type": "function", "name": "x"}}, None, "tool_choice"),
        ({"text": {"format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}}}, "missing_required_parameter", "text.format.name"),
        (format_of(json_schema={}), "unknown_parameter", "text.format.json_schema"),
        (format_of(schema={"type": "object", "properties": {}}, strict=True), None, "text.format"),
        ({"text": {"format": {"type": "json_object"}}}, None, "input"),
        ({"reasoning": {"effort": "enormous"}}, "invalid_value", "reasoning.effort"),
        ({"previous_response_id": "resp_unknown"}, "previous_response_not_found", "previous_response_id"),
    ],
)  # fmt: skip
async def test_a_bad_body_for_responses_is_refused_by_name(http, field, code, param):
    response = await http.post("/openai/v1/responses", headers=KEY, json=INPUT | field)
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert (error["code"], error["param"]) == (code, param)


@pytest.mark.parametrize(("stored", "status"), [(True, 200), (False, 400)])
async def test_a_response_goes_on_from_one_that_was_stored(http, stored, status):
    first = (await http.post("/openai/v1/responses", headers=KEY, json=INPUT | {"store": stored})).json()
    assert first["store"] is stored
    again = await http.post("/openai/v1/responses", headers=KEY, json=INPUT | {"previous_response_id": first["id"]})
    assert again.status_code == status


INFERENCE = "/models/{}?api-version=2024-05-01-preview"


async def test_the_inference_api_points_at_what_is_wrong(http):
    path = INFERENCE.format("chat/completions")
    response = await http.post(path, headers=KEY, json=ASK | {"messages": [{"role": "boss", "content": "x"}]})
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "messages", 0, "role"]


@pytest.mark.parametrize(("mode", "status"), [("pass-through", 200), ("drop", 200), ("error", 400)])
async def test_the_inference_api_treats_extra_parameters_as_it_is_told(http, mode, status):
    path, headers = INFERENCE.format("chat/completions"), KEY | {"extra-parameters": mode}
    assert (await http.post(path, headers=headers, json=ASK | {"top_k": 2})).status_code == status


@pytest.mark.parametrize(
    ("field", "status"),
    [
        ({}, 200),
        ({"input": ["a", "b"], "encoding_format": "base64"}, 200),
        ({"input": [1, 2, 3]}, 200),
        ({"input": [[1, 2], [3]]}, 200),
        ({"input": ["a"] * 2048}, 200),
        ({"input": ["a"] * 2049}, 400),
        ({"input": ""}, 400),
        ({"input": []}, 400),
        ({"input": ["a", ""]}, 400),
        ({"input": {"a": 1}}, 400),
        ({"input": ["a", 1]}, 400),
        ({"input": "a " * 8193}, 400),
        ({"input": [1] * 8193}, 400),
        ({"input": None}, 400),
        ({"dimensions": 0}, 400),
        ({"dimensions": "8"}, 400),
        ({"encoding_format": "hex"}, 400),
        ({"nonsense": 1}, 400),
        ({"input_type": "query"}, 400),
        ({"model": "text-embedding-ada-002", "dimensions": 8}, 400),
    ],
)
async def test_embeddings_are_bounded(http, field, status):
    body = {"model": "text-embedding-3-small", "input": "x"} | field
    assert (await http.post("/openai/v1/embeddings", headers=KEY, json=body)).status_code == status


@pytest.mark.parametrize(
    ("field", "status"), [({"input_type": "query"}, 200), ({"user": "u"}, 422), ({"input": ["a"] * 1025}, 422)]
)
async def test_embeddings_of_the_inference_api_have_bounds_of_their_own(http, field, status):
    body = {"model": "e", "input": "x"} | field
    assert (await http.post(INFERENCE.format("embeddings"), headers=KEY, json=body)).status_code == status


@pytest.mark.parametrize(
    ("model", "status", "vectors"),
    [
        ("text-embedding-3-small", 200, 2),
        ("fewer-vectors", 200, 1),
        ("no-vectors", 200, 0),
        ("gpt-4o", 400, None),
        ("no-embeddings", 400, None),
        ("fail-503-1", 503, None),
    ],
)
async def test_embeddings_have_faults(http, model, status, vectors):
    answer = await http.post("/openai/v1/embeddings", headers=KEY, json={"model": model, "input": ["a", "b"]})
    assert answer.status_code == status
    if vectors is not None:
        assert len(answer.json()["data"]) == vectors


async def test_an_embedding_model_does_not_chat(http):
    body = ASK | {"model": "text-embedding-3-small"}
    response = await http.post("/openai/v1/chat/completions", headers=KEY, json=body)
    assert response.json()["error"]["code"] == "OperationNotSupported"
