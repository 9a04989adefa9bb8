import pytest

from connections.secret import Secret
from flows.actions.services import MemoryServices
from flows.interpreter.journal import MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.lint.linter import problems

INPUTS = [{"name": "items", "type": "list"}, {"name": "key", "type": "secret", "required": False}]


def document(**properties):
    actions = [
        {"id": "made", "type": "render_template", "properties": properties},
        {"id": "ret", "type": "return", "properties": {"value": "{{ text }}"}},
    ]
    return parse({"format": "foundryflow/1", "name": "x", "inputs": INPUTS, "actions": actions})


async def rendered(inputs=None, **properties):
    given = {"items": [{"name": "tea", "price": 3}, {"name": "cake", "price": 4.5}], **(inputs or {})}
    return await execute(document(**properties), given, MemoryJournal(), MemoryServices())


async def test_a_template_becomes_a_text():
    template = "Bill:\n{% for item in items %}\n- {{ item.name }}: {{ item.price }}\n{% endfor %}\n"

    assert await rendered(template=template) == "Bill:\n\n- tea: 3\n\n- cake: 4.5\n\n"
    assert await rendered(template=template, blank_lines="remove") == "Bill:\n- tea: 3\n- cake: 4.5"


async def test_a_list_alone_becomes_text_too():
    assert await rendered(template="{{ items }}") == '[{"name": "tea", "price": 3}, {"name": "cake", "price": 4.5}]'


@pytest.mark.parametrize(
    ("template", "words"), [("{{ nobody }}", "nobody"), ("{% for", "Template: "), ("Key {{ key }}", "secret")]
)
async def test_what_cannot_be_rendered_stops_the_run_with_a_sentence(template, words):
    with pytest.raises(RunFailed, match=words):
        await rendered({"key": Secret("k3y")}, template=template)


def test_lint_knows_its_result():
    assert problems(document(template="{{ items }}")) == []
    (found,) = problems(document(template="{{ lost }}"))
    assert "`lost` is not a variable here" in found.message
