"""Images and PDF in a prompt: each API gets them in its own form, and one that takes none is not asked."""

import httpx
import pytest

from connections.foundry.errors import FoundryError
from connections.foundry.files import document_in, file_part
from connections.foundry.values import ChatRequest, Message
from tests.connections.foundry.claude_wire import CLAUDE, OPENAI, ROOT, Wire, answered, client_of

PDF, PNG = "JVBERi0xLjQ=", "iVBORw0KGgo="  # base64 of what such files begin with
DATED = f"{ROOT}/openai/deployments/gpt-4o?api-version=2024-10-21"
MODELS = f"{ROOT}/models"
ELSEWHERE = "https://llm.contoso.example/v1"
ANSWER = {"choices": [{"message": {"role": "assistant", "content": "A bill."}, "finish_reason": "stop"}]}
REFUSAL = (
    b'{"error": {"message": "Invalid Value: \'file\'. This model does not support file content types.", '
    b'"type": "invalid_request_error", "param": "messages[0].content[1].type", "code": "invalid_value"}}'
)


def asks(model: str, media_type: str, data: str, name: str = "invoice.pdf") -> ChatRequest:
    parts = [{"type": "text", "text": "What is it?"}, file_part(name, media_type, data)]
    return ChatRequest(model, (Message("user", parts),))


@pytest.mark.parametrize("url", [OPENAI, DATED])
async def test_a_pdf_goes_to_responses_where_chat_completions_of_azure_refuse_it(wire, url):
    assert (await answered(client_of(wire), asks("gpt-4o", "application/pdf", PDF), url)).text
    assert [path.partition("?")[0].rpartition("/")[2] for path in wire.paths] == ["responses"]
    said = {"type": "input_text", "text": "What is it?"}
    file = {"type": "input_file", "filename": "invoice.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
    assert wire.bodies[0]["input"] == [{"role": "user", "content": [said, file]}]


async def test_an_image_stays_with_chat_completions(wire):
    await answered(client_of(wire), asks("gpt-4o", "image/png", PNG), OPENAI)
    assert wire.paths == ["/openai/v1/chat/completions"]
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    assert wire.bodies[0]["messages"][0]["content"][1] == image


async def test_responses_take_an_image_as_plain_text(wire):
    await answered(client_of(wire), asks("gpt-4o", "image/png", PNG), f"{OPENAI}/responses")
    image = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}
    assert wire.bodies[0]["input"][0]["content"][1] == image


@pytest.mark.parametrize(
    ("media_type", "data", "kind", "more"),
    [("application/pdf", PDF, "document", {"title": "invoice.pdf"}), ("image/png", PNG, "image", {})],
)
async def test_claude_takes_files_as_base64(wire, media_type, data, kind, more):
    await answered(client_of(wire), asks("claude-x", media_type, data), CLAUDE)
    source = {"type": "base64", "media_type": media_type, "data": data}
    assert wire.bodies[0]["messages"][0]["content"][1] == {"type": kind, "source": source, **more}


async def test_a_deployment_of_claude_takes_a_pdf_through_the_connection_of_its_resource(wire):
    client = client_of(wire)
    for _ in range(2):
        assert (await answered(client, asks("claude-x", "application/pdf", PDF), OPENAI)).text
    assert [path.rpartition("/")[2] for path in wire.paths] == ["responses", "messages", "messages"]


async def test_an_endpoint_without_responses_says_that_it_takes_no_pdf(wire):
    with pytest.raises(FoundryError, match=r"takes no PDF"):
        await answered(client_of(wire), asks("mistral", "application/pdf", PDF), MODELS)
    assert wire.paths == []


async def test_another_host_gets_a_pdf_in_chat_completions():
    wire = Wire(lambda request: httpx.Response(200, json=ANSWER))
    await answered(client_of(wire), asks("m", "application/pdf", PDF), ELSEWHERE)
    file = {"filename": "invoice.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
    assert wire.bodies[0]["messages"][0]["content"][1] == {"type": "file", "file": file}


async def test_a_host_that_refuses_files_there_is_asked_by_responses():
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/chat/completions"):
            return httpx.Response(400, content=REFUSAL)
        content = [{"type": "output_text", "text": "A bill."}]
        return httpx.Response(200, json={"status": "completed", "output": [{"type": "message", "content": content}]})

    wire = Wire(answer)
    client, request = client_of(wire), asks("m", "application/pdf", PDF)
    for _ in range(2):
        assert (await answered(client, request, ELSEWHERE)).text == "A bill."
    assert wire.paths == ["/v1/chat/completions", "/v1/responses", "/v1/responses"]
    with pytest.raises(FoundryError):  # others stay with chat completions
        await answered(client, asks("m", "image/png", PNG), ELSEWHERE)
    assert wire.paths[3:] == ["/v1/chat/completions"]


async def test_where_nothing_takes_files_the_first_refusal_is_told():
    def answer(request: httpx.Request) -> httpx.Response:
        is_chat = request.url.path.endswith("/chat/completions")
        return httpx.Response(400, content=REFUSAL) if is_chat else httpx.Response(404, json={"detail": "Not Found"})

    wire = Wire(answer)
    with pytest.raises(FoundryError, match="m takes no PDF here"):
        await answered(client_of(wire), asks("m", "application/pdf", PDF), ELSEWHERE)
    assert wire.paths == ["/v1/chat/completions", "/v1/responses"]


@pytest.mark.parametrize(
    ("part", "document"),
    [
        ({"type": "file", "file": {"filename": "a"}}, {"filename": "a"}),
        ({"type": "input_file", "file": {"filename": "a"}}, None),
        ({"type": "file", "file": "a"}, None),
        ("file", None),
    ],
)
def test_a_document_is_found_in_a_part_of_its_type(part, document):
    assert document_in(part) == document
