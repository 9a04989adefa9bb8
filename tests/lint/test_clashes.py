"""Actions that are put behind others which set variables of the same names."""

from flows.language.document import parse
from flows.language.flat import TOP
from flows.language.selection import insert_all
from flows.lint.clashes import free_name, names_set_by, rename_clashes


def chat(id, **properties):
    return {"id": id, "type": "chat_completion", "properties": {"user_prompt": "Hi", **properties}}


def document(*actions, **more):
    return parse({"format": "foundryflow/1", "name": "x", "actions": list(actions), **more})


def put_in(base, *actions, at=99, place=TOP):
    return rename_clashes(insert_all(base, actions, place, at), [action["id"] for action in actions])


def test_what_is_set_before_gets_a_number_and_those_that_came_along_follow():
    log = {"id": "say", "type": "log", "properties": {"message": "{{ response | upper }}"}}
    made, names = put_in(document(chat("one")), chat("two"), log)
    assert names == {"response": "response2"}
    assert made.find("two").properties["result_variable_name"] == "response2"
    assert made.find("say").properties == {"message": "{{ response2 | upper }}"}
    assert made.find("one").json == chat("one")


def test_what_is_not_in_scope_there_keeps_its_name():
    lanes = [{"id": "yes", "condition": "true", "actions": [chat("one")]}, {"id": "no", "actions": []}]
    base = document({"id": "route", "type": "if_else", "branches": lanes})
    assert put_in(base, chat("two"), place=("route", "no"))[1] == {}
    assert put_in(document(chat("one")), chat("two"), at=0)[1] == {}


def test_conditions_rows_and_variables_that_are_named_follow_too():
    rows = {
        "id": "vars",
        "type": "declare_variables",
        "properties": {"variables": [{"name": "tone", "value": "{{ tone }}"}]},
    }
    lanes = [{"id": "yes", "condition": "tone == 'tone'", "actions": [{"id": "set", "type": "set_variable", "properties": {"variable": "tone", "value": "x"}}]}]  # fmt: skip
    route = {"id": "route", "type": "if_else", "branches": lanes}
    base = document(inputs=[{"name": "tone", "type": "text"}, {"name": "tone2", "type": "text"}])
    made, names = put_in(base, rows, route)
    assert names == {"tone": "tone3"}
    assert made.find("vars").properties["variables"] == [{"name": "tone3", "value": "{{ tone3 }}"}]
    assert made.find("route").branches[0].condition == "tone3 == 'tone'"
    assert "tone3" in made.find("set").properties.values()


def test_what_has_a_number_gets_the_next_one_and_what_is_put_in_together_different_ones():
    _, names = put_in(
        document(
            chat("one", result_variable_name="a1"),
            chat("two", result_variable_name="a"),
            chat("three", result_variable_name="7"),
        ),
        chat("x", result_variable_name="a1"),
        chat("y", result_variable_name="a"),
    )
    assert names == {"a1": "a2", "a": "a3"}
    assert free_name("7", {"7"}) == "72"
    assert [free_name("b", {"b", *(f"b{number}" for number in range(2, 9))}) for _ in "x"] == ["b9"]


def test_what_sets_no_variable_takes_no_name():
    _, names = put_in(document(chat("one", result_variable_name="")), chat("two", result_variable_name=""))
    assert names == {"response": "response2"}
    assert names_set_by(document(chat("a", result_variable_name="")).find("a")) == ["response"]
    assert names_set_by(document({"id": "a", "type": "log"}).find("a")) == []
