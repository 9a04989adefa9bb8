"""What nobody has come to yet is open, not wrong."""

from flows.language.document import parse
from flows.lint.linter import problems
from flows.lint.open_problems import open_problems

FORM = {"format": "foundryflow/1", "name": "x"}


def still_open(*actions, new=""):
    document = parse({**FORM, "actions": list(actions)})
    found = problems(document, connections=["contoso"])
    return sorted({problem.property or "" for problem in open_problems(document, found, new)})


def chat(**properties):
    return {"id": "chat", "type": "chat_completion", "properties": properties}


def test_an_action_as_it_was_put_in_is_all_open():
    assert still_open(chat(), {"id": "each", "type": "for_each", "branches": [{"id": "b", "actions": []}]}) == [
        "connection", "items", "model", "user_prompt",
    ]  # fmt: skip


def test_nothing_is_open_once_anything_is_filled_in():
    assert still_open(chat(connection="contoso")) == []


def test_in_the_panel_that_is_still_open_it_is_what_stands_further_down():
    assert still_open(chat(connection="contoso"), new="chat") == ["model", "user_prompt"]
    assert still_open(chat(model="gpt"), new="chat") == ["user_prompt"]
    assert still_open(chat(user_prompt="Why?"), new="chat") == []


def test_what_is_wrong_is_never_open():
    assert still_open(chat(connection="gone"), new="chat") == ["model", "user_prompt"]


def test_a_break_outside_a_loop_is_open_until_its_panel_is_left():
    stop = {"id": "stop", "type": "break", "properties": {}}
    assert still_open(stop, new="stop") == [""]
    assert still_open(stop) == []


def test_a_typed_condition_is_filled_in():
    branches = [{"id": "a", "title": "If", "condition": "nobody > 3", "actions": []}]
    assert still_open({"id": "route", "type": "if_else", "branches": branches}, new="route") == []
