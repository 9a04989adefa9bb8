"""What a run learns of secrets, what it refuses to send, and how it says what is missing; in memory."""

import pytest

from connections.secret import Secret
from flows.actions.services import MemoryServices
from flows.interpreter.journal import ActionFailed, ActionStarted, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from tests.interpreter.memory_runs import Chat, action, declare, ends_of, failure_of, flow, log, run, target

KEY = "planted-key-of-this-test"
RET = {"id": "ret", "type": "return", "properties": {"value": "done"}}
SECRET_INPUT = {"name": "token", "type": "secret"}
TEXT_INPUT = {"name": "given", "type": "text"}


def ask(prompt):
    return action("chat", "chat_completion", connection="simulator", model="gpt-x", user_prompt=prompt)


async def run_actions(*actions, inputs=(), chat=None, given=None, **services):
    journal = MemoryJournal()
    known = MemoryServices(chat or Chat(), {"simulator": target()}, **services)
    await execute(parse(flow(*actions, RET, inputs=inputs)), given or {}, journal, known)
    return journal


async def error_of(*actions, **options):
    with pytest.raises(RunFailed) as failed:
        await run_actions(*actions, **options)
    return failed.value.error


async def test_a_secret_input_is_masked_before_anything_uses_it():
    journal = await run_actions(inputs=[SECRET_INPUT], given={"token": KEY})
    assert KEY not in journal.secrets.mask(f"an answer with {KEY} in it")


async def test_what_an_action_brings_from_outside_is_masked():
    journal = await run_actions(
        action("get", "get_environment_secret", variable_name="CONTOSO_KEY", result_variable_name="key"),
        environment={"CONTOSO_KEY": Secret(KEY)},
    )
    assert KEY not in journal.secrets.mask(f"an answer with {KEY} in it")


async def test_a_text_that_is_a_key_elsewhere_is_never_sent_to_a_model():
    chat = Chat()
    error = await error_of(
        declare("key", "{{ given }}", "secret"),
        ask("Who is {{ given }}?"),
        chat=chat,
        inputs=[TEXT_INPUT],
        given={"given": KEY},
    )
    assert (error.kind, error.message) == ("secret_in_text", "User prompt would show a secret.")
    assert error.hint == "Hand a secret to a property for secrets, and leave it out of what is shown or sent."
    assert chat.calls == []


async def test_what_is_refused_for_a_secret_in_it_is_recorded_as_started_and_failed():
    journal = MemoryJournal()
    actions = (declare("key", "{{ given }}", "secret"), ask("Who is {{ given }}?"))
    await failure_of(flow(*actions, inputs=[TEXT_INPUT]), journal=journal, given=KEY)
    assert [type(event) for event in journal.events if event.path == "chat"] == [ActionStarted, ActionFailed]


async def test_a_prompt_that_happens_to_hold_the_text_of_a_secret_is_sent():
    chat = Chat()
    await run_actions(ask(f"Who is {KEY}?"), chat=chat, inputs=[SECRET_INPUT], given={"token": KEY})
    assert chat.calls[0][1].messages[0].content == f"Who is {KEY}?"


async def test_a_text_that_is_a_key_elsewhere_may_be_used_where_no_model_reads_it():
    journal = await run_actions(
        declare("key", "{{ given }}", "secret"),
        declare("other", "{{ given }}") | {"id": "again"},
        log(message="{{ other }}"),
        inputs=[TEXT_INPUT],
        given={"given": KEY},
    )
    assert KEY not in str(journal.secrets.mask([vars(event) for event in journal.events if hasattr(event, "output")]))


async def test_a_secret_is_refused_by_a_property_that_shows_what_it_holds():
    error = await error_of(
        {**ask("x"), "properties": {**ask("x")["properties"], "history": "{{ [token] }}"}},
        inputs=[SECRET_INPUT],
        given={"token": KEY},
    )
    assert error.kind == "secret_in_text"
    assert KEY not in str(error)


@pytest.mark.parametrize(
    ("lacking", "hint"),
    [
        (action("chat", "chat_completion", model="m", user_prompt="x"), "Choose one, or create it in the panel."),
        (action("chat", "chat_completion", connection="simulator", model="m"), "Fill it in in the property panel."),
    ],
)
async def test_what_is_missing_is_said_with_the_way_out(lacking, hint):
    assert (await error_of(lacking)).hint == hint


async def test_a_text_that_becomes_a_key_is_masked_from_then_on():
    document = flow(declare("key", "{{ inputs.given }}", "secret"), inputs=[TEXT_INPUT])
    _, journal = await run(document, given="once-a-text")
    assert "once-a-text" not in journal.secrets.mask("it was once-a-text before")


async def test_a_secret_stored_beside_the_flow_is_opened_where_secrets_belong():
    document = parse(flow(declare("key", {"secret": "s1"}, "secret")))
    journal = MemoryJournal()
    await execute(document, {}, journal, MemoryServices(secrets={"s1": Secret("opened")}))
    assert ends_of(journal)["vars"].declared[0].value == Secret("opened")
    with pytest.raises(RunFailed) as failed:
        await execute(document, {}, MemoryJournal(), MemoryServices())
    assert failed.value.error.kind == "secret_missing"


async def test_a_default_secret_is_opened_once_it_is_needed():
    token = {"name": "token", "type": "secret", "required": True, "default": {"secret": "s1"}}
    document = parse(flow(declare("key", "{{ token }}", "secret"), inputs=[token]))
    for inputs, secret in [({}, "stored"), ({"token": "typed"}, "typed"), ({"token": None}, "stored")]:
        journal = MemoryJournal()
        await execute(document, inputs, journal, MemoryServices(secrets={"s1": Secret("stored")}))
        assert ends_of(journal)["vars"].declared[0].value.reveal() == secret

    with pytest.raises(RunFailed) as failed:
        await execute(document, {}, MemoryJournal(), MemoryServices())
    assert (failed.value.path, failed.value.action_id, failed.value.error.kind) == ("", "", "secret_missing")


async def test_a_stored_secret_is_known_from_the_moment_it_is_opened():
    given = {"api_key": {"secret": "s1"}, "endpoint": "https://contoso.openai.azure.com"}
    connect = action("c", "create_azure_ai_connection", **given, connection_variable_name="c")
    journal = MemoryJournal()
    await execute(parse(flow(connect)), {}, journal, MemoryServices(secrets={"s1": Secret("planted-stored-key")}))
    assert journal.secrets.stand_in("it was planted-stored-key")
    assert not journal.secrets.are_texts_too
