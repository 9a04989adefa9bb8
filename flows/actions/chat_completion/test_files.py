"""Files beside a prompt, as references in the flow and as bytes in the call alone."""

import pytest

from connections.foundry.values import ChatRequest, Message
from flows.actions.chat_completion.files import MOST_FILES, file_parts, files_problem, with_files
from flows.actions.chat_completion.test_chat_completion import CONTOSO, Chat, completion
from flows.actions.services import MemoryServices
from flows.interpreter.journal import ActionFinished, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import ActionError, RunFailed
from flows.lint.linter import problems


def reference(name, media_type):
    return {"name": name, "media_type": media_type, "size": 3, "sha256": name}


PDF, PNG = reference("invoice.pdf", "application/pdf"), reference("front.png", "image/png")
OTHER = reference("other.pdf", "application/pdf")
KEPT = {"invoice.pdf": "UERG", "front.png": "UE5H"}  # base64
GIVEN = {"pdf": PDF, "png": PNG, "other": OTHER, "past": ["x"]}


async def asked(chat, **properties):
    stored = {"connection": "contoso", "model": "gpt-x", "user_prompt": "Hi", **properties}
    inputs = [{"name": name, "type": "list" if name == "past" else "file"} for name in (*GIVEN, "none")]
    action = {"id": "chat", "type": "chat_completion", "properties": stored}
    document = parse({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": [action]})
    journal = MemoryJournal()
    await execute(document, GIVEN, journal, MemoryServices(chat, {"contoso": CONTOSO}, files=KEPT))
    (done,) = [event for event in journal.events if isinstance(event, ActionFinished)]
    return done


@pytest.mark.parametrize(
    ("files", "kinds"),
    [
        ("{{ pdf }}", ["file"]),
        ("{{ [png, pdf] }}", ["image_url", "file"]),
        (["{{ png }}", ["{{ pdf }}", "{{ none }}"]], ["image_url", "file"]),
        ("{{ none }}", None),
    ],
)
async def test_files_go_behind_the_prompt(files, kinds):
    chat = Chat(completion())
    await asked(chat, files=files)
    content = chat.requests[0].messages[-1].content
    assert content == "Hi" if kinds is None else [part["type"] for part in content] == ["text", *kinds]


async def test_a_file_is_kept_in_the_record_as_its_name_kind_and_size():
    chat = Chat(completion())
    done = await asked(chat, files="{{ [pdf, png] }}")
    assert chat.requests[0].messages[-1].content[1:] == [
        {"type": "file", "file": {"filename": "invoice.pdf", "file_data": "data:application/pdf;base64,UERG"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,UE5H"}},
    ]
    said = "Hi\n[invoice.pdf, application/pdf, 1 KB]\n[image/png, 1 KB]"
    assert done.facts["prompt"] == [{"role": "user", "content": said}]


async def test_a_file_in_a_prompt_is_its_name_and_kind():
    chat = Chat(completion())
    await asked(chat, user_prompt="About {{ pdf.name }}: {{ pdf }}")
    said = chat.requests[0].messages[-1].content
    assert said.startswith("About invoice.pdf: {")
    assert "UERG" not in said


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ("https://contoso.example/a.pdf", "files"),
        (["{{ past }}"], "files"),
        ("{{ [pdf, other] }}", "file_missing"),
        (["{{ pdf }}"] * 21, "files"),
    ],
)
async def test_what_is_no_file_of_the_run_is_refused_before_the_call(files, kind):
    chat = Chat(completion())
    with pytest.raises(RunFailed) as failed:
        await asked(chat, files=files)
    assert (failed.value.error.kind, chat.requests) == (kind, [])


@pytest.mark.parametrize("files", ["bill.pdf", ["{{ pdf }}", "https://contoso.example/a.pdf"], [1]])
def test_what_names_no_input_is_said_before_a_run(files):
    action = {
        "id": "chat",
        "type": "chat_completion",
        "properties": {"files": files, "user_prompt": "Hi", "model": "m"},
    }
    document = parse({"format": "foundryflow/1", "name": "x", "inputs": [], "actions": [action]})
    assert "which names no input" in next(each.message for each in problems(document) if each.property == "files")


@pytest.mark.parametrize("stored", [None, "", [], "{{ a }}", ["{{ a }}", None, ""], "{{ [a, b] }}"])
def test_what_names_inputs_or_nothing_is_no_problem(stored):
    assert files_problem(stored) == ""


def test_what_names_no_input_is_shown_short():
    assert files_problem(["{{ a }}", "x" * 60]).startswith(f"Files holds '{'x' * 40}', which names no input.")


async def test_a_prompt_takes_so_many_files():
    services = MemoryServices(files=KEPT)
    assert len(await file_parts([PDF] * MOST_FILES, services)) == MOST_FILES
    with pytest.raises(ActionError) as refused:
        await file_parts([PDF] * (MOST_FILES + 1), services)
    assert (refused.value.kind, refused.value.message) == ("files", "21 files; a prompt takes at most 20.")


def test_files_stand_behind_the_text_of_the_last_message():
    part = {"type": "file"}
    for content, said in (
        ("Hi", [{"type": "text", "text": "Hi"}]),
        ([part], [part]),
        (None, [{"type": "text", "text": ""}]),
    ):
        request = ChatRequest("m", (Message("system", "S"), Message("user", content)))
        assert with_files(request, [part]).messages == (Message("system", "S"), Message("user", [*said, part]))
        assert with_files(request, []) is request
