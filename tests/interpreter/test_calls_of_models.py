"""Which connection a call of a run goes to, what is sent, and what becomes of the answer."""

from connections.secret import Secret
from tests.documents_of import load
from tests.interpreter.memory_runs import Chat, action, ends_of, failure_of, flow, ret, run


def call(**properties):
    return action("chat", "chat_completion", connection="simulator", model="m", **properties)


async def test_a_dynamic_connection_overrides_the_static_one():
    chat = Chat()
    _, journal = await run(
        "bar-dynamic", chat, api_key="tenant", endpoint="https://fabrikam.openai.azure.com", question="Why?"
    )
    called, _ = chat.calls[0]
    assert called.key == Secret("tenant")
    assert called.endpoint.host == "fabrikam.openai.azure.com"
    assert ends_of(journal)["chat"].facts["connection_reason"] == "from variable connection, instead of contoso"


async def test_an_empty_dynamic_connection_never_falls_back_to_the_static_one():
    chat = Chat()
    document = load("bar-static")
    document["actions"][0]["properties"]["dynamic_connection"] = "connection"
    assert (await failure_of(document, chat, question="Why?")).error.kind == "dynamic_connection"
    assert chat.calls == []


async def test_what_a_dynamic_connection_takes_the_place_of_need_not_be_there():
    chat, document = Chat(), load("bar-dynamic")
    for each in document["actions"]:
        each["properties"].pop("connection", None)
    await run(document, chat, api_key="tenant", endpoint="https://fabrikam.openai.azure.com", question="Why?")
    assert chat.calls[0][0].key == Secret("tenant")


async def test_context_and_prompt_meet_in_the_template():
    chat = Chat()
    prompts = {"system_prompt": "S", "user_prompt": "Q @@context", "prompt_template": "C: @@context\nQ: @@userPrompt"}
    await run(flow(call(**prompts, context=["a", "b"], history=[{"role": "user", "content": "before"}])), chat)
    sent = [(message.role, message.content) for message in chat.calls[0][1].messages]
    assert sent == [("system", "S"), ("user", "before"), ("user", 'C: ["a", "b"]\nQ: Q @@context')]


async def test_json_that_was_asked_for_is_parsed_and_anything_else_fails():
    document = flow(call(user_prompt="x", response_format="json_object"), ret("{{ response.json.a }}"))
    assert (await run(document, Chat('{"a": 1}')))[0] == 1
    error = (await failure_of(document, Chat("not json"))).error
    assert (error.kind, error.raw) == ("invalid_json", "not json")


async def test_an_answer_that_was_cut_is_a_warning():
    _, journal = await run("bar-static", Chat(finish="length"), question="Why?")
    assert ends_of(journal)["chat"].warning == "Cut at 7 tokens"
