"""Variables that leave their block: what every way sets is known behind it, what only some set may not be set."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flows.actions.services import MemoryServices
from flows.interpreter.journal import ActionFailed, ActionFinished, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import Document, parse
from flows.language.errors import RunFailed
from flows.language.scope import VariableInScope
from flows.language.shape import NUMBER, SECRET, object_shape, shape_of
from flows.lint.linter import problems
from flows.lint.visible import start_variables, unset_at, variables_at, variables_inside


def action(type, id, **properties):
    return {"id": id, "type": type, "properties": properties}


def box(type, id, *lanes, **properties):
    """A container; a lane is its actions, or (condition, actions)."""
    made = []
    for at, lane in enumerate(lanes):
        condition, inner = lane if isinstance(lane, tuple) else (None, lane)
        made.append(
            {"id": f"{id}-{at}", "title": "", "actions": inner, **({"condition": condition} if condition else {})}
        )
    return {**action(type, id, **properties), "branches": made}


def either(id, *lanes):
    return box("if_else", id, *lanes)


def attempt(id, tried, caught, last=None):
    lanes = {"try": tried, "catch": caught, **({"finally": last} if last is not None else {})}
    branches = [{"id": f"{id}-{role}", "title": "", "actions": inner} for role, inner in lanes.items()]
    return {**action("try_catch", id), "branches": branches}


def declare(name, value="x", id=None, **more):
    rows = [{"name": name, "type": "text", "value": value, **more}]
    return {
        **action("declare_variables", id or f"set-{name}-{value if value.isalnum() else 0}", variables=rows),
        "title": f"Set {name} {value}",
    }


def flow(*actions, inputs=("q",)):
    declared = [{"name": name, "type": "text", "required": False} for name in inputs]
    return parse({"format": "foundryflow/1", "name": "x", "inputs": declared, "actions": list(actions)})


def answer(template):
    return action("return", "ret", value=template)


def ran(document, **inputs):
    return asyncio.run(execute(document, inputs, MemoryJournal(), MemoryServices()))


def said(document):
    return [(problem.action_id, problem.severity) for problem in problems(document)]


def failure_of(document, **inputs):
    with pytest.raises(RunFailed) as failed:
        ran(document, **inputs)
    return failed.value.error


ROUTE = either("route", ("q == 'a'", [declare("x", "1")]), [declare("x", "2")])


@pytest.mark.parametrize(("q", "value"), [("a", "1"), ("b", "2")])
def test_what_every_branch_sets_is_known_behind_the_if(q, value):
    document = flow(ROUTE, answer("{{ x }}"))
    assert said(document) == []
    assert ran(document, q=q) == value


def test_what_only_some_branches_set_is_a_warning_and_a_typed_failure_that_says_where_it_is_set():
    document = flow(either("route", ("q == 'a'", [declare("x", "1")]), [declare("y")]), answer("{{ x }}"))
    assert said(document) == [("ret", "warning")]
    assert ran(document, q="a") == "1"
    error = failure_of(document, q="b")
    assert error.kind == "not_set"
    assert error.message == "Value: `x` is not set: Set x 1 sets it, and the run did not come through there."


def test_an_if_without_otherwise_may_set_nothing():
    document = flow(either("route", ("q == 'a'", [declare("x", "1")])), answer("{{ x | default('none') }}"))
    assert said(document) == []
    assert (ran(document, q="a"), ran(document, q="b")) == ("1", "none")
    tested = flow(either("route", ("q == 'a'", [declare("x", "1")])), answer("{{ x is defined }}"))
    assert (ran(tested, q="a"), ran(tested, q="b")) == (True, False)


@pytest.mark.parametrize("leaves", ["return", "throw"])
def test_a_branch_that_leaves_does_not_count(leaves):
    gone = action(leaves, "gone", **({"message": "No."} if leaves == "throw" else {"value": "gone"}))
    document = flow(either("route", ("q == 'a'", [declare("x", "1")]), [gone]), answer("{{ x }}"))
    assert said(document) == []
    assert ran(document, q="a") == "1"


@pytest.mark.parametrize("leaves", ["break", "continue"])
def test_a_branch_that_leaves_the_iteration_does_not_count(leaves):
    body = [either("route", ("item == 1", [action(leaves, "gone")]), [declare("x", "{{ item }}")])]
    document = flow(
        box("for_each", "each", body, items=[2, 1, 3], result="{{ x }}", results_variable_name="all"),
        answer("{{ all | tojson }}"),
    )
    assert said(document) == []
    assert ran(document) == ('["2", null, null]' if leaves == "break" else '["2", null, "3"]')


def test_an_if_inside_an_if_sets_for_the_one_around():
    inner = either("inner", ("q == 'b'", [declare("x", "2")]), [declare("x", "3")])
    document = flow(either("route", ("q == 'a'", [declare("x", "1")]), [inner]), answer("{{ x }}"))
    assert said(document) == []
    assert [ran(document, q=q) for q in "abc"] == ["1", "2", "3"]


def test_what_try_and_catch_both_set_is_known_and_what_failed_in_try_is_not():
    fails = action("throw", "throws", message="No.")
    for tried, value in (([declare("x", "1")], "1"), ([declare("x", "1"), fails], "2")):
        document = flow(attempt("t", tried, [declare("x", "2")]), answer("{{ x }}"))
        assert said(document) == []
        assert ran(document) == value
    document = flow(attempt("t", [declare("x", "1"), either("f", ("true", [fails]))], []), answer("{{ x }}"))
    assert said(document) == [("ret", "warning")]
    assert failure_of(document).kind == "not_set"


def test_finally_sets_for_what_follows_and_cannot_rely_on_what_was_tried():
    last = [declare("y", "{{ x | default('none') }}"), action("log", "reads", message="{{ x }}")]
    document = flow(attempt("t", [declare("x", "1")], [], last), answer("{{ y }}"))
    assert said(document) == [("reads", "warning")]
    assert ran(document) == "1"


def test_a_catch_cannot_read_what_was_tried_and_its_exception_stays_there():
    document = flow(
        attempt("t", [declare("x")], [action("log", "reads", message="{{ x }}")]), answer("{{ exception.kind }}")
    )
    assert said(document) == [("reads", "error"), ("ret", "error")]


def test_a_declaration_inside_only_hides_the_one_around():
    document = flow(declare("x", "0", id="first"), ROUTE, answer("{{ x }}"))
    assert said(document) == []
    assert ran(document, q="a") == "0"


def test_the_newest_of_two_ifs_counts():
    again = either("again", ("q == 'a'", [declare("x", "3", id="s3")]))
    document = flow(ROUTE, again, answer("{{ x }}"))
    assert said(document) == []
    assert (ran(document, q="a"), ran(document, q="b")) == ("3", "2")


def test_what_a_loop_sets_ends_with_the_iteration_and_its_globals_may_not_be_set():
    body = [declare("x"), declare("y", "{{ item }}", **{"global": True})]
    document = flow(
        box("for_each", "each", body, items="{{ q | lines }}"),
        action("log", "reads", message="{{ x }}"),
        answer("{{ y }}"),
    )
    assert said(document) == [("reads", "error"), ("ret", "warning")]
    without_x = flow(box("for_each", "each", [body[1]], items="{{ q | lines }}"), answer("{{ y }}"))
    assert ran(without_x, q="1\n2") == "2"
    assert failure_of(without_x, q="").kind == "not_set"


def seen(document, name="x", at="ret"):
    (found,) = [variable for variable in variables_at(document, at) if variable.name == name]
    return found.type, found.may_be_unset


def typed(type, id, name="x"):
    return declare(name, "1", id=id, type=type)


def all_ways(id, type):
    return either(id, ("q == 'a'", [typed(type, f"{id}1")]), [typed(type, f"{id}2")])


def one_way(id, type):
    return either(id, ("q == 'a'", [typed(type, f"{id}1")]))


def test_the_last_that_sets_a_variable_says_its_type():
    assert seen(flow(typed("text", "t"), all_ways("i", "number"), answer(""))) == ("text", False)
    assert seen(flow(typed("text", "t"), one_way("i", "number"), answer(""))) == ("text", False)
    assert seen(flow(all_ways("i", "text"), all_ways("j", "number"), answer(""))) == ("number", False)
    assert seen(flow(all_ways("i", "text"), one_way("j", "number"), answer(""))) == ("", False)
    assert seen(flow(one_way("i", "text"), one_way("j", "number"), answer(""))) == ("", True)
    assert seen(flow(one_way("i", "text"), all_ways("j", "number"), answer(""))) == ("number", False)
    ifs = all_ways("i", "text"), all_ways("j", "number"), all_ways("k", "boolean")
    assert seen(flow(*ifs, answer(""))) == ("boolean", False)


def test_a_global_of_one_branch_is_not_known_in_another():
    lanes = ("q == 'a'", [declare("x", **{"global": True})]), [action("log", "here", message="")]
    document = flow(either("i", *lanes), answer(""))
    assert [variable.name for variable in variables_at(document, "here")] == ["q"]
    assert seen(document) == ("text", True)


def test_the_exception_that_a_catch_sets_anew_stays_in_it():
    document = flow(attempt("t", [declare("exception")], [declare("exception", id="s")]), answer(""))
    assert seen(document, "exception") == ("text", True)


def test_what_a_body_adds_is_known_behind_its_last_action():
    body = [declare("y"), either("i", ("q == 'a'", [declare("x")]))]
    document = flow(
        declare("before"), box("for_each", "each", body, items="{{ q | lines }}"), either("if", [declare("z")])
    )
    inside = {variable.name: variable.may_be_unset for variable in variables_inside(document, "each")}
    assert {name: inside[name] for name in ("item", "y", "x")} == {"item": False, "y": False, "x": True}
    assert not {"before", "q", "inputs"} & {*inside}
    assert variables_inside(document, "if") == variables_inside(document, "nobody") == []


def test_a_variable_that_only_some_ways_of_a_body_set_may_not_be_set_behind_it():
    def some(name):
        return either(f"only-{name}", ("q == 'a'", [declare(name)]))

    body = [some("v"), declare("y")]
    document = flow(some("b"), box("while", "each", body, condition="true"), either("if", ("q", [some("z")])))

    def unset(at, name, in_loop):
        found = unset_at(document, at, name, in_loop=in_loop)
        return found.name if found else None

    assert [unset("each", name, True) for name in "bvy"] == ["b", "v", None]
    assert [unset("each", name, False) for name in "bvy"] == ["b", None, None]
    assert [unset("if", name, True) for name in "bz"] == ["b", None]
    assert unset("nobody", "b", True) is None


def test_a_disabled_action_sets_nothing():
    off = {**declare("x", "2"), "disabled": True}
    document = flow(either("route", ("q == 'a'", [declare("x", "1")]), [off]), answer("{{ x }}"))
    assert said(document) == [("ret", "warning")]


def test_types_and_titles_meet():
    def of(type, value):
        made = declare("x", value)
        made["properties"]["variables"][0]["type"] = type
        return made

    def there(*types):
        lanes = [(f"q == '{at}'", [of(type, str(at))]) for at, type in enumerate(types)]
        (found,) = [
            v
            for v in variables_at(flow(either("route", *lanes[:-1], lanes[-1][1]), answer("")), "ret")
            if v.name == "x"
        ]
        return found.type, found.declared_by, found.may_be_unset

    assert there("text", "text") == ("text", "Set x 0 or Set x 1", False)
    assert there("text", "number") == ("", "Set x 0 or Set x 1", False)
    assert there("text", "secret") == ("secret", "Set x 0 or Set x 1", False)


def test_a_variable_that_may_not_be_set_cannot_be_relied_on_as_a_connection_or_be_assigned():
    document = flow(
        either("route", ("q == 'a'", [declare("x", "1")])), action("set_variable", "assigns", variable="x", value="2")
    )
    assert said(document) == [("assigns", "warning")]
    ran(document, q="a")
    assert failure_of(document, q="b").kind == "not_set"


def test_a_run_that_goes_on_elsewhere_has_the_same_variables():
    document = flow(ROUTE, action("throw", "stops", message="No."), inputs=("q",))
    journal = MemoryJournal()
    with suppress(RunFailed):
        asyncio.run(execute(document, {"q": "a"}, journal, MemoryServices()))
    goes_on = flow(ROUTE, answer("{{ x }}"))
    assert asyncio.run(execute(goes_on, {"q": "a"}, journal.resumed(), MemoryServices())) == "1"


def test_deeply_nested_containers_are_looked_at_once():
    inner = [declare("x")]
    for depth in range(18):
        inner = [attempt(f"t{depth}", inner, [], [action("log", f"l{depth}", message="x")])]
    assert isinstance(problems(flow(*inner)), list)


NAMES = st.sampled_from("abc")


@st.composite
def blocks(draw, depth=0, in_loop=False):
    made = []
    for _ in range(draw(st.integers(0, 3))):
        kinds = ["declare", "global", "result", "read", "read", "if", "try", "loop", "leave"]
        kind = draw(st.sampled_from(kinds if depth < 3 else kinds[:5]))
        id = f"n{draw(st.integers(0, 10**9))}"
        inner = blocks(depth + 1, in_loop or kind == "loop")
        match kind:
            case "declare" | "global":
                made.append(declare(draw(NAMES), id, id=id, **{"global": kind == "global"}))
            case "result":
                made.append(box("for_each", id, [], items=[1], results_variable_name=draw(NAMES)))
            case "read":
                made.append(attempt(f"{id}-t", [action("log", id, message=f"{{{{ {draw(NAMES)} }}}}")], []))
            case "if":
                lanes = [(f"'{draw(st.integers(0, 4))}' in q", draw(inner)) for _ in range(draw(st.integers(1, 2)))]
                made.append(either(id, *lanes, *([draw(inner)] if draw(st.booleans()) else [])))
            case "try":
                made.append(attempt(id, draw(inner), draw(inner), draw(st.none() | inner)))
            case "loop":
                made.append(box("for_each", id, draw(inner), items=draw(st.sampled_from([[], [1], [1, 2]]))))
            case "leave":
                types = ["return", "throw", *(["break", "continue"] if in_loop else [])]
                made.append(action(draw(st.sampled_from(types)), id, **{"message": "No.", "value": "gone"}))
    return made


@given(blocks(), st.text("01234", max_size=4))
@example(
    [either("n1", ("'0' in q", [declare("a", id="n2")])), attempt("t", [action("log", "n3", message="{{ a }}")], [])],
    "",
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_lint_and_runs_agree_on_every_variable(actions, q):
    try:
        document = flow(*actions)
    except ValueError:
        return  # the same id twice
    verdicts = {problem.action_id: problem.severity for problem in problems(document)}
    journal = MemoryJournal()
    with suppress(RunFailed):
        asyncio.run(execute(document, {"q": q}, journal, MemoryServices()))
    for event in journal.events:
        if not isinstance(event, ActionFinished | ActionFailed):
            continue
        read = document.find(event.path.split("/")[-1])
        if read is None or read.type != "log":
            continue
        kind = event.error.kind if isinstance(event, ActionFailed) else ""
        allowed = {"error": {"expression"}, "warning": {"", "not_set"}}.get(verdicts.get(read.id, ""), {""})
        assert kind in allowed, (read.id, verdicts.get(read.id), kind)


def test_a_condition_of_a_loop_may_read_what_an_earlier_iteration_made_global():
    loop = box("while", "each", [declare("x", "1", **{"global": True})], condition="x == '1'")
    assert said(flow(loop)) == [("each", "warning")]
    assert said(flow(declare("x", "0", id="first"), loop)) == []
    assert said(flow(box("while", "each", [declare("x", "1")], condition="x == '1'"))) == [("each", "error")]


def test_what_a_run_starts_with():
    inputs = [{"name": "q"}, {"name": "c", "type": "object", "default": {"key": "k", "a": 1}, "secret_parts": ["key"]}]
    document = parse({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": []})
    assert start_variables(document) == {
        "inputs": VariableInScope("inputs", "object", "Start"),
        "q": VariableInScope("q", "text", "Start", shape=shape_of(None)),
        "c": VariableInScope("c", "object", "Start", shape=object_shape(key=SECRET, a=NUMBER)),
    }


def test_secret_parts_that_are_no_paths_hide_nothing_of_what_is_known():
    """Of a document that was stored by another version."""
    broken = {"name": "c", "type": "object", "default": {"a": 1}, "secret_parts": ["not a path["]}
    document = Document({"format": "foundryflow/1", "name": "x", "inputs": [broken], "actions": []})
    assert start_variables(document)["c"].shape == object_shape(a=NUMBER)


def test_what_stands_in_an_action_of_an_unknown_type_sees_what_is_around_it():
    around = {"id": "t", "type": "teleport", "branches": [{"id": "b", "actions": [{"id": "log", "type": "log"}]}]}
    document = parse({"format": "foundryflow/1", "name": "x", "inputs": [{"name": "q"}], "actions": [around]})
    assert [variable.name for variable in variables_at(document, "log")] == ["q"]
    assert (
        variables_inside(document, "t") == variables_inside(document, "gone") == variables_inside(document, "log") == []
    )
