import pytest

from connections.secret import Secret
from flows.actions.services import MemoryServices
from flows.interpreter.journal import ActionFinished, ActionStarted, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import ActionError, RunFailed

INPUTS = [{"name": "n", "type": "number", "default": 3}, {"name": "key", "type": "secret", "default": "planted"}]


def calling(value="{{ result }}", **properties):
    actions = [
        {"id": "call", "type": "run_flow", "properties": properties},
        {"id": "ret", "type": "return", "properties": {"value": value}},
    ]
    return parse({"format": "foundryflow/1", "name": "x", "inputs": INPUTS, "actions": actions})


async def returned(other, *, journal=None, value="{{ result }}", **properties):
    services = MemoryServices(flows={"other": other})
    document = calling(value, **{"flow": "other", **properties})
    return await execute(document, {}, journal or MemoryJournal(), services)


@pytest.mark.parametrize(
    ("inputs", "given"),
    [
        ({"a": "{{ n }}", "b": [1, "{{ n + 1 }}"]}, {"a": 3, "b": [1, 4]}),
        ("{{ {'a': n} }}", {"a": 3}),
        ('{"a": 1}', {"a": 1}),
        (None, {}),
    ],
)
async def test_the_flow_gets_its_inputs_and_its_output_keeps_its_type(inputs, given):
    assert await returned(lambda inputs: [inputs], inputs=inputs) == [given]


async def test_the_run_and_its_flow_are_told():
    journal = MemoryJournal()
    await returned(lambda inputs: 7, journal=journal, flow=" other ")

    done = next(event for event in journal.events if isinstance(event, ActionFinished))
    assert (done.output, done.variables, done.facts) == (7, {"result": 7}, {"run": 1, "flow": "other"})


async def test_the_result_can_have_another_name():
    assert await returned(lambda inputs: 7, value="{{ seven }}", result_variable_name="seven") == 7


async def test_a_secret_arrives_as_a_secret_and_is_not_told():
    got, journal = {}, MemoryJournal()
    await returned(lambda inputs: got.update(inputs), journal=journal, inputs={"key": "{{ key }}"}, value="ok")

    assert isinstance(got["key"], Secret)
    assert "planted" not in repr(journal.events)


@pytest.mark.parametrize("inputs", ["words", [1], 5])
async def test_inputs_that_are_no_object_fail(inputs):
    with pytest.raises(RunFailed, match="Inputs is not an object") as failed:
        await returned(lambda inputs: 7, inputs=inputs)
    assert failed.value.error.kind == "input"


async def test_a_flow_that_is_not_there_fails():
    with pytest.raises(RunFailed, match="There is no flow another") as failed:
        await returned(lambda inputs: 7, flow="another")
    assert failed.value.error.kind == "flow_missing"


async def test_a_flow_that_failed_fails_with_its_kind():
    def failing(inputs):
        raise ActionError("no_stock", "No bolts.")

    with pytest.raises(RunFailed, match="No bolts") as failed:
        await returned(failing)
    assert (failed.value.error.kind, failed.value.path) == ("no_stock", "call")


async def test_a_flow_that_ended_is_not_run_again_after_a_restart():
    journal = MemoryJournal()
    await returned(lambda inputs: 7, journal=journal)
    resumed = journal.resumed()

    assert await returned(lambda inputs: 8, journal=resumed) == 7
    assert not any(isinstance(event, ActionStarted) for event in resumed.events)
