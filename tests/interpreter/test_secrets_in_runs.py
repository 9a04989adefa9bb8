"""What a run learns of secrets, what it refuses to send, and how it says what is missing; in memory."""

import pytest

from connections.secret import Secret
from flows.actions.services import MemoryServices
from flows.interpreter.journal import IterationEnded, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from tests.interpreter.test_runner import Chat, flow, target

KEY = "planted-key-of-this-test"
RET = {"id": "ret", "type": "return", "properties": {"value": "done"}}
SECRET_INPUT = {"name": "token", "type": "secret"}
TEXT_INPUT = {"name": "given", "type": "text"}


def action(id, type, **properties):
    return {"id": id, "type": type, "properties": properties}


def declare(type, value):
    return action("vars", "declare_variables", variables=[{"name": "key", "type": type, "value": value}])


def ask(prompt):
    return action("chat", "chat_completion", connection="simulator", model="gpt-x", user_prompt=prompt)


async def ran(*actions, inputs=(), chat=None, given=None, **services):
    journal = MemoryJournal()
    known = MemoryServices(chat or Chat(), {"simulator": target()}, **services)
    await execute(parse(flow(*actions, RET, inputs=inputs)), given or {}, journal, known)
    return journal


async def error_of(*actions, **options):
    with pytest.raises(RunFailed) as failed:
        await ran(*actions, **options)
    return failed.value.error


async def test_a_secret_input_is_masked_before_anything_uses_it():
    journal = await ran(inputs=[SECRET_INPUT], given={"token": KEY})
    assert KEY not in journal.secrets.mask(f"an answer with {KEY} in it")


async def test_what_an_action_brings_from_outside_is_masked():
    journal = await ran(
        action("get", "get_environment_secret", variable_name="CONTOSO_KEY", result_variable_name="key"),
        environment={"CONTOSO_KEY": Secret(KEY)},
    )
    assert KEY not in journal.secrets.mask(f"an answer with {KEY} in it")


async def test_a_text_that_is_a_key_elsewhere_is_never_sent_to_a_model():
    chat = Chat()
    error = await error_of(
        declare("secret", "{{ given }}"),
        ask("Who is {{ given }}?"),
        chat=chat,
        inputs=[TEXT_INPUT],
        given={"given": KEY},
    )
    assert (error.kind, error.message) == ("secret_in_text", "User prompt would show a secret.")
    assert error.hint == "Hand a secret to a property for secrets, and leave it out of what is shown or sent."
    assert chat.asked == []


async def test_a_text_that_is_a_key_elsewhere_may_be_used_where_no_model_reads_it():
    journal = await ran(
        declare("secret", "{{ given }}"),
        action("again", "declare_variables", variables=[{"name": "other", "type": "text", "value": "{{ given }}"}]),
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


async def test_a_variable_that_only_another_branch_sets_is_named_with_who_sets_it():
    branches = [
        {"id": "yes", "actions": [declare("text", "x")], "condition": "false"},
        {"id": "no", "actions": []},
    ]
    error = await error_of(
        {**action("if", "if_else"), "branches": branches},
        action("loop", "while", condition="key == 'x'") | {"branches": [{"id": "body", "actions": []}]},
    )
    assert error.kind == "not_set"
    assert "sets it" in error.message


async def test_an_unknown_name_is_no_variable_of_another_branch():
    assert (await error_of(action("r", "return", value="{{ nothing_of_that_name }}"))).kind == "expression"


async def test_an_iteration_that_failed_is_recorded_as_failed():
    throw = action("t", "throw", message="no")
    journal = MemoryJournal()
    loop = {**action("each", "for_each", items=[1]), "branches": [{"id": "body", "actions": [throw]}]}
    with pytest.raises(RunFailed):
        await execute(parse(flow(loop)), {}, journal, MemoryServices())
    assert [event.failed for event in journal.events if isinstance(event, IterationEnded)] == [True]
