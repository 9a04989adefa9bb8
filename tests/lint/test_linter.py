"""What is wrong with a flow before it runs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.actions import registry
from flows.language.document import parse
from flows.language.scope import VariableInScope
from flows.language.values import VARIABLE_TYPES
from flows.lint.linter import CalledFlow, Problem, problems, unknown_property
from flows.lint.visible import variables_at
from flows.properties.base import properties_of
from tests.documents_of import DOCUMENTS, load


def flow(*actions, inputs=()):
    return parse({"format": "foundryflow/1", "name": "x", "inputs": list(inputs), "actions": list(actions)})


def action(type, id="a", **properties):
    return {"id": id, "type": type, "properties": properties}


def chat(**properties):
    return action(
        "chat_completion", "chat", **{"connection": "contoso", "model": "m", "user_prompt": "x", **properties}
    )


def log(message, id="log"):
    return action("log", id, message=message)


def container(type, *lanes, id="box", **properties):
    made = action(type, id, **properties)
    return {**made, "branches": [{"id": f"{id}{at}", **lane} for at, lane in enumerate(lanes)]}


def found(document, **known):
    return [(p.action_id, p.property, p.message, p.severity) for p in problems(document, **known)]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_samples_have_no_problems(name):
    assert problems(parse(load(name)), connections={"simulator", "contoso"}) == []


@pytest.mark.parametrize(
    ("broken", "property", "message"),
    [
        (chat(connection=None), "connection", "Connection is missing. Choose one, or create it in the panel."),
        (chat(model=""), "model", "Model is missing."),
        (chat(user_prompt=None), "user_prompt", "User prompt is missing."),
        (chat(connection=5), "connection", "Connection is not the name of a connection."),
        (chat(dynamic_connection="nope"), "dynamic_connection", "`nope` is not a variable here. Declare it above this action."),
        (chat(dynamic_connection=["q"]), "dynamic_connection", "`['q']` is not a variable here. Declare it above this action."),
        (chat(dynamic_connection="q"), "dynamic_connection", "`q` is of type text; Dynamic connection needs connection."),
        (chat(user_prompt="{{ foo }}"), "user_prompt", "`foo` is not a variable here. Declare it above, or make it an input."),
        (chat(user_prompt="{{ q"), "user_prompt", "User prompt: unexpected end of template, expected 'end of print statement'."),
        (chat(user_prompt=["x"]), "user_prompt", "User prompt is not a text."),
        (chat(temperature=9), "temperature", "Temperature is at most 2."),
        (chat(temperature="hot"), "temperature", "Temperature is not a number."),
        (chat(temperature=True), "temperature", "Temperature is not a number."),
        (chat(reasoning_effort="some"), "reasoning_effort", "Reasoning effort is 'some'; choose one of none, minimal, low, medium, high, xhigh."),
        (chat(reasoning_effort=["low"]), "reasoning_effort", "Reasoning effort is ['low']; choose one of none, minimal, low, medium, high, xhigh."),
        (chat(result_variable_name="two words"), "result_variable_name", "Result variable name 'two words' is not a name."),
        (chat(result_variable_name=3), "result_variable_name", "Result variable name 3 is not a name."),
        (action("for_each"), "items", "Items is missing. Give a list, such as {{ parts }}."),
        (action("if_else"), None, "It has no branches. Add one in the panel."),
        (action("set_variable", variable="foo", value=1), "variable", "`foo` is not a variable here. Declare it above this action."),
        (action("declare_variables"), "variables", "Variables is missing."),
        (action("declare_variables", variables="x"), "variables", "Variables is not a list."),
        (action("declare_variables", variables=[5]), "variables", "Variable 1 has no name."),
        (
            action("declare_variables", variables=[{"name": "a", "type": "date"}]),
            "variables",
            "a: 'date' is not a type. Types: text, number, boolean, list, object, secret, connection, file.",
        ),
        (action("create_azure_ai_connection", endpoint="x"), "api_key", "API key is missing."),
        (action("create_azure_ai_connection", api_key=5, endpoint="x"), "api_key", "API key is neither a text nor a stored secret."),
        (action("teleport"), None, "The action type teleport is not installed here. It is kept; a run stops at it."),
    ],
)  # fmt: skip
def test_a_problem_is_said_in_a_sentence(broken, property, message):
    document = flow(broken, inputs=[{"name": "q", "type": "text"}])

    (problem,) = problems(document)

    assert (problem.action_id, problem.property, problem.severity) == (broken["id"], property, "error")
    assert problem.message == message


def test_a_connection_that_does_not_exist_is_a_problem_only_when_they_are_known():
    document = flow(chat())

    assert problems(document) == []
    message = "There is no connection named contoso. Choose one, or create it in the panel."
    assert found(document, connections=set()) == [("chat", "connection", message, "error")]


def test_it_is_a_warning_when_a_dynamic_connection_takes_its_place():
    document = flow(
        action("create_azure_ai_connection", "conn", api_key="k", endpoint="https://contoso.openai.azure.com"),
        chat(dynamic_connection="connection"),
    )

    assert [problem.severity for problem in problems(document, connections=set())] == ["warning"]


def test_a_condition_is_checked_at_its_branch():
    lanes = [
        {"title": "Long", "condition": "foo > 1", "actions": []},
        {"title": "Broken", "condition": "q >", "actions": []},
        {"title": "Otherwise", "actions": []},
    ]
    document = flow(container("if_else", *lanes), inputs=[{"name": "q"}])

    assert [(p.property, p.message) for p in problems(document)] == [
        ("branch-box0-condition", "`foo` is not a variable here. Declare it above, or make it an input."),
        ("branch-box1-condition", "Condition: unexpected ')'"),
    ]


def test_two_branches_without_a_condition_are_a_problem():
    document = flow(container("if_else", {"title": "If", "actions": []}, {"title": "Otherwise", "actions": []}))

    assert [problem.property for problem in problems(document)] == ["branch-box0-condition"]


def test_a_variable_is_known_only_in_its_block_and_below():
    declare = action("declare_variables", "vars", variables=[{"name": "a", "value": "{{ later }}"}])
    document = flow(
        container("for_each", {"actions": [log("{{ a }}", "l1"), declare, log("{{ a }}", "l2")]}, items=[1]),
        log("{{ a }}", "l3"),
    )

    assert [problem.action_id for problem in problems(document)] == ["l1", "vars", "l3"]


def test_a_global_variable_is_known_after_its_block_and_a_disabled_action_declares_nothing():
    row = {"name": "a", "value": 1, "global": True}
    declare = action("declare_variables", "vars", variables=[row])

    assert problems(flow(container("if_else", {"actions": [declare]}), log("{{ a }}"))) == []
    off = {**declare, "disabled": True}
    assert [p.action_id for p in problems(flow(container("if_else", {"actions": [off]}), log("{{ a }}")))] == ["log"]


def test_nothing_inside_a_disabled_action_is_a_problem():
    assert problems(flow({**container("if_else", {"actions": [log("{{ foo }}")]}), "disabled": True})) == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("temprature", "There is no property temprature; it is kept and does nothing. Did you mean temperature?"),
        ("TEMPERATURES", "There is no property TEMPERATURES; it is kept and does nothing. Did you mean temperature?"),
        ("userPrompt", "There is no property userPrompt; it is kept and does nothing. Did you mean user_prompt?"),
        (
            "max-tokens",
            "There is no property max-tokens; it is kept and does nothing. Did you mean max_completion_tokens?",
        ),
    ],
)
def test_an_unknown_property_is_kept_and_named_with_the_nearest_known_one(wrong, sentence):
    document = flow(chat(**{wrong: 0.5}))

    assert found(document) == [("chat", None, sentence, "warning")]
    assert document.find("chat").properties[wrong] == 0.5


def test_an_unknown_property_that_resembles_none_is_said_with_those_there_are():
    (problem,) = problems(flow(log("x"), action("log", "b", message="x", zzz="y" * 100)))

    assert problem.message == "There is no property zzz; it is kept and does nothing. Properties: message, level."


def test_what_is_called_has_to_be_there_and_without_errors():
    calls = [action("run_flow", flow, flow=flow) for flow in ("gone", "one", "two", "well")]
    document = flow({**action("run_flow", "off", flow="gone"), "disabled": True}, *calls)
    known = {"one": CalledFlow(errors=1), "two": CalledFlow(errors=2), "well": CalledFlow()}
    assert [(p.action_id, p.message) for p in problems(document, flows=known)] == [
        ("gone", "There is no flow gone. Give the slug that its address shows."),
        ("one", "The flow one has 1 configuration error. Open it and correct them there."),
        ("two", "The flow two has 2 configuration errors. Open it and correct them there."),
    ]
    assert problems(document) == []


def test_problems_follow_the_flowchart_with_those_of_the_flow_in_front():
    inputs = [{"name": "token", "type": "secret", "default": {"secret": "s0"}}]
    document = flow(action("run_flow", "one", flow="gone"), log("{{ foo }}", "two"), inputs=inputs)
    assert [p.action_id for p in problems(document, flows={}, secrets=[])] == [None, "one", "two"]


def test_a_stored_secret_has_to_be_here_and_readable():
    def said(value, **known):
        connect = action("create_azure_ai_connection", api_key=value, endpoint="https://contoso.openai.azure.com")
        inputs = [{"name": "token", "type": "secret", "default": value}]
        off = {**action("create_azure_ai_connection", "off", api_key=value), "disabled": True}
        return [
            (p.action_id, p.severity, p.message.partition(" ")[2])
            for p in problems(flow(off, connect, inputs=inputs), **known)
        ]

    stored, missing = {"secret": "s0"}, "must be filled in: a secret does not travel with a file."
    unreadable = "cannot be read with the encryption key of this server. Type it again."
    literal = "is a secret and can be read in the document. Any change of the flow stores it."
    default = "default of the input token "
    assert said(stored) == said(stored, secrets=["s0"]) == said("sk-1") == []
    assert said(stored, secrets=[]) == [(None, "warning", default + missing), ("a", "error", f"key {missing}")]
    assert said(stored, secrets=["s0"], unreadable=["s0"]) == [
        (None, "error", default + unreadable), ("a", "error", f"key {unreadable}"),
    ]  # fmt: skip
    assert said("sk-1", secrets=[]) == [(None, "warning", default + literal), ("a", "warning", f"key {literal}")]


def test_a_secret_that_is_mixed_with_a_template_is_a_problem_where_a_run_may_come():
    connect = action("create_azure_ai_connection", api_key="sk-{{ q }}", endpoint="https://contoso.openai.azure.com")
    inputs = [{"name": "q", "type": "secret"}]
    (problem,) = problems(flow(connect, inputs=inputs))
    assert (problem.action_id, problem.property, problem.severity) == ("a", "api_key", "error")
    assert problem.message.startswith("API key: A secret is either one literal")
    assert problems(flow({**connect, "disabled": True}, inputs=inputs)) == []


def test_what_is_disabled_hides_no_problem_behind_it():
    document = flow({**log("{{ foo }}", "off"), "disabled": True}, action("break", "b"))
    assert [(p.action_id, p.message) for p in problems(document)] == [
        ("b", "Break is outside of a loop. Move it into For each or While.")
    ]


def test_secret_parts_without_a_default_are_no_problem():
    assert problems(flow(inputs=[{"name": "c", "type": "object", "secret_parts": ["key"]}])) == []


def test_an_input_of_an_unknown_type_is_a_problem_of_the_flow():
    (problem,) = problems(flow(inputs=[{"name": "day", "type": "date"}]))

    assert (problem.action_id, problem.property) == (None, "inputs")


def test_variables_at_an_action_are_those_above_and_around_it():
    document = flow(
        action("declare_variables", "vars", variables=[{"name": "parts", "type": "list", "value": []}]),
        container("for_each", {"actions": [chat(), log("x")]}, items="{{ parts }}"),
        inputs=[{"name": "q", "type": "text"}],
    )

    assert variables_at(document, "log") == [
        VariableInScope("q", "text", "Start"),
        VariableInScope("parts", "list", "Declare variables"),
        VariableInScope("item", "", "For each"),
        VariableInScope("index", "number", "For each"),
        VariableInScope("response", "object", "Chat completion"),
    ]
    assert [variable.name for variable in variables_at(document, "vars")] == ["q"]
    assert [variable.name for variable in variables_at(document, "gone")] == ["q"]


ODD = st.recursive(
    st.none() | st.booleans() | st.floats() | st.sampled_from(["", "{{", "{{ a }}", "a", "{{ foo }}", "{% if %}"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "type", "value", "secret"]), inner)
    ),
    max_leaves=4,
)
ANY_ACTION = st.sampled_from(registry.all_types()).flatmap(
    lambda known: st.fixed_dictionaries(
        {
            "type": st.just(known.type),
            "properties": st.fixed_dictionaries({}, optional=dict.fromkeys(properties_of(known.properties), ODD)),
            "branches": st.just([{"id": "b", "condition": "x", "actions": []}]),
        }
    )
)


@given(ANY_ACTION)
@settings(max_examples=300, deadline=None)
def test_broken_values_are_problems_and_never_raise(broken):
    document = flow({"id": "a", **broken}, log("{{ a }}"))

    assert all(isinstance(problem, Problem) and problem.message for problem in problems(document, connections={"c"}))
    assert variables_at(document, "log") is not None


def test_a_default_shows_no_secret_part():
    inputs = [{"name": "c", "type": "object", "secret_parts": ["key"], "default": {"name": "a", "key": "b"}}]
    document = parse({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": []})
    assert [p.message for p in problems(document)] == [
        "The default of c can be read in the document. Leave key out of it."
    ]


def test_what_is_wrong_with_inputs_is_said_of_each():
    inputs = [
        {"name": "odd", "type": "thing"},
        {"name": "bill", "type": "file", "default": "x"},
        {"name": "plain", "type": "file", "default": ""},
        {"name": "text", "type": "text", "default": "x"},
        {"name": "crm", "type": "object", "default": {"key": "k", "pin": "1"}, "secret_parts": ["key", "pin"]},
    ]
    found = problems(parse({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": []}))
    assert [(each.property, each.message) for each in found] == [
        ("inputs", f"odd: 'thing' is not a type. Types: {', '.join(VARIABLE_TYPES)}."),
        ("inputs", "bill is a file, which has no default. Take it out."),
        ("inputs", "The default of crm can be read in the document. Leave key, pin out of it."),
    ]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Max-Tokens", "There is no property Max-Tokens; it is kept and does nothing. Did you mean max_tokens?"),
        ("x" * 61, f"There is no property {'x' * 60}; it is kept and does nothing. Properties: max_tokens, model."),
    ],
)
def test_a_property_that_is_not_known_is_named_with_one_like_it(name, sentence):
    assert unknown_property(name, ["max_tokens", "model"]) == sentence


def test_an_action_without_properties_says_so():
    assert unknown_property("x", []).endswith(" Properties: none.")


def test_what_the_action_says_of_a_property_is_not_said_again_by_its_kind():
    properties = {"method": "GET", "url": "https://a.example", "authentication": "basic", "credential": {"secret": "s"}}
    found = problems(parse({"format": "foundryflow/1", "name": "x", "actions": [
        {"id": "a", "type": "http_request", "properties": properties}]}))  # fmt: skip
    assert [each.message for each in found if each.property == "user_name"] == [
        "User is missing: basic authentication asks for it."
    ]


def test_files_that_name_no_input_are_said_once():
    action = {"id": "a", "type": "chat_completion", "properties": {"files": ["{{ nope }}", "bill.pdf"]}}
    found = problems(parse({"format": "foundryflow/1", "name": "x", "actions": [action]}))
    assert ["which names no input" in each.message for each in found if each.property == "files"] == [True]


def test_a_break_belongs_into_a_loop_however_deep():
    def inside(action):
        return {"id": "if", "type": "if_else", "branches": [{"id": "b", "condition": "true", "actions": [action]}]}

    def said(*actions):
        return [
            each.message for each in problems(parse({"format": "foundryflow/1", "name": "x", "actions": [*actions]}))
        ]

    stop = {"id": "stop", "type": "break"}
    body = [{"id": "c", "actions": [inside(stop)]}]
    loop = {"id": "each", "type": "for_each", "properties": {"items": [1]}, "branches": body}
    outside = "Break is outside of a loop. Move it into For each or While."
    assert (said(inside(stop)), said(loop)) == ([outside], [])


def test_a_connection_that_another_one_takes_the_place_of_is_not_asked_for_embeddings():
    properties = {"connection": "contoso", "model": "gpt-4o", "input": "x"}
    known = {"connections": ["contoso"], "without_embeddings": {"contoso": ["gpt-4o"]}}

    def warnings(**more):
        action = {"id": "a", "type": "generate_embedding", "properties": {**properties, **more}}
        document = parse(
            {
                "format": "foundryflow/1",
                "name": "x",
                "inputs": [{"name": "made", "type": "connection"}],
                "actions": [action],
            }
        )
        return [each for each in problems(document, **known) if "embeddings" in each.message]

    assert (len(warnings()), warnings(dynamic_connection="made")) == (1, [])
