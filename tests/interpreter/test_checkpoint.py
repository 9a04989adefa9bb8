"""What a run goes on from is lossless."""

import json
from math import inf, isnan, nan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.values import Header, Identity, Limits, Target, WhenReached
from connections.secret import Secret
from flows.interpreter.checkpoint import CheckpointError, pack_outcome, target_of, unpack_outcome, unpack_value
from flows.interpreter.journal import ActionFailed, ActionFinished
from flows.language.errors import ActionError, Signal
from flows.language.values import ConnectionValue, Declared, Response

ENDPOINT = parse_endpoint("https://contoso.openai.azure.com")
TARGETS = [
    Target("contoso", ENDPOINT, Secret("planted-key")),
    Target("gateway", ENDPOINT, Secret("planted-key"), None, "api-key", Header("x-more", Secret("other"))),
    Target("app", ENDPOINT, Secret(""), Identity("client_secret", "t", "c", Secret("s"), Secret("p"), "login.example")),
    Target(
        "limited", ENDPOINT, Secret("planted-key"), limits=Limits(1, None, 3, 4, WhenReached.SPILL, "spare"),
        customer="Fabrikam", account="Fabrikam@contoso", token_scope="api://gateway/.default",
    ),
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_connection_comes_back_as_it_was(target):
    done = ActionFinished("create", 1.0, variables={"made": ConnectionValue("made", target)})
    packed = pack_outcome(done)
    assert unpack_outcome("create", packed.text).variables == done.variables
    assert set(packed.secrets) == set(target.secrets)


def test_a_checkpoint_of_an_earlier_version_is_read():
    target = target_of("contoso", "https://contoso.openai.azure.com/openai/v1", "planted-key", "", None, None)
    assert (target.limits, target.customer, target.account, target.token_scope) == (None, "", "", "")


def connections_value(name: str) -> ConnectionValue:
    return ConnectionValue(name, Target(name, ENDPOINT, Secret(f"planted-key-{name}")))


numbers = st.integers() | st.floats(allow_nan=False)
plain = st.none() | st.booleans() | numbers | st.text()
special = st.builds(Secret, st.text(min_size=1)) | st.text(min_size=1).map(connections_value)
keys = st.text() | st.just("$") | st.integers()
values = st.recursive(
    plain | special,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
        | st.builds(Response, st.text(), *[inner] * 5)
    ),
    max_leaves=12,
)


@given(values, st.dictionaries(st.text(), values, max_size=3), st.sampled_from(Signal))
def test_whatever_an_action_gave_comes_back(output, variables, signal):
    done = ActionFinished(
        "chat",
        12.5,
        output=output,
        variables=variables,
        declared=(Declared("total", "number", output, True), Declared("name", "text", "x", False)),
        signal=signal,
    )
    assert unpack_outcome("chat", pack_outcome(done).text) == done


@pytest.mark.parametrize("output", [{"$": 1}, {1: 2}, {"$": "secret", 3: "x"}])
def test_objects_that_json_would_mistake_come_back(output):
    assert unpack_outcome("a", pack_outcome(ActionFinished("a", 1.0, output=output)).text).output == output


def test_numbers_that_json_has_no_word_for_come_back():
    found = unpack_outcome("a", pack_outcome(ActionFinished("a", 1.0, output=[inf, -inf, nan])).text).output
    assert found[:2] == [inf, -inf]
    assert isnan(found[2])


def test_what_is_no_value_of_a_flow_is_kept_as_its_text():
    assert unpack_outcome("a", pack_outcome(ActionFinished("a", 1.0, output=[Path("/x")])).text).output == ["/x"]


def test_a_variable_that_is_the_output_is_the_same_object_again():
    output = Response("Hello", {}, "stop", "gpt", None, {})
    packed = pack_outcome(ActionFinished("a", 1.0, output=output, variables={"response": output}))
    assert packed.text.count("Hello") == 1
    found = unpack_outcome("a", packed.text)
    assert found.variables["response"] is found.output


def test_an_error_comes_back_with_all_that_it_says():
    error = ActionError(
        "auth_key", "The key was refused.", "Copy it again.", status=401, request_id="r-1", raw="{}",
        facts={"tokens": 3, "made": connections_value("contoso")},
    )  # fmt: skip
    packed = pack_outcome(ActionFailed("each[3]/chat", 2.5, error))
    found = unpack_outcome("each[3]/chat", packed.text)
    assert (found.path, found.at) == ("each[3]/chat", 2.5)
    assert vars(found.error) == vars(error)
    assert packed.secrets == (Secret("planted-key-contoso"),)


def test_every_secret_in_an_outcome_is_named():
    output = {"key": Secret("one-secret"), "made": [connections_value("a"), connections_value("b")]}
    named = pack_outcome(ActionFinished("a", 1.0, output=output)).secrets
    assert named == (Secret("one-secret"), Secret("planted-key-a"), Secret("planted-key-b"))


CONNECTION_WITHOUT_ENDPOINT = json.dumps(
    {"at": 1, "output": {"$": "connection", "name": "a", "target": ["a", "no address", "", "", None, None]}}
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "JSONDecodeError"),
        ("[]", "KeyError|TypeError"),
        ('{"at": 1}', "KeyError"),
        ('{"at": 1, "output": 1, "variables": [], "declared": [], "signal": ""}', "AttributeError"),
        ('{"at": 1, "output": ' + "[" * 100_000 + "]" * 100_000 + "}", "RecursionError"),
        (CONNECTION_WITHOUT_ENDPOINT, "EndpointError"),
        ('{"at": 1, "output": {"$": "wrong"}, "variables": {}, "declared": [], "signal": ""}', "CheckpointError"),
        ('{"at": 1, "output": 1, "variables": {}, "declared": [], "signal": "jump"}', "ValueError"),
    ],
)
def test_a_checkpoint_that_cannot_be_read_says_of_which_path_and_why(text, why):
    with pytest.raises(CheckpointError, match=rf"^The checkpoint of each\[3\]/chat is malformed: ({why})\.$"):
        unpack_outcome("each[3]/chat", text)


def test_a_kind_of_value_that_is_not_known_is_named():
    with pytest.raises(CheckpointError, match=r"^There is no value of kind 'wrong'\.$"):
        unpack_value({"$": "wrong"})


# As stored by the versions before: what is written today must stay readable tomorrow.
STORED = (
    '{"at": 1.0, "output": {"$": "response", "parts": ["Hi", {"total_tokens": 3}, "stop", "gpt", null, {}]},'
    ' "variables": {"response": {"$": "output"}, "key": {"$": "secret", "value": "k-1"},'
    ' "ratio": {"$": "float", "value": "inf"}, "odd": {"$": "object", "pairs": [[1, "x"], ["$", 2]]}},'
    ' "declared": [["total", "number", 0, true]], "signal": "return"}'
)
STORED_ERROR = '{"at": 2.0, "failed": ["throw", "No.", "Why.", null, null, ""], "facts": {}}'


def test_stored_checkpoints_are_read_and_written_the_same():
    found = unpack_outcome("a", STORED)
    assert (found.output.text, found.variables["odd"]) == ("Hi", {1: "x", "$": 2})
    assert json.loads(pack_outcome(found).text) == json.loads(STORED)
    assert json.loads(pack_outcome(unpack_outcome("a", STORED_ERROR)).text) == json.loads(STORED_ERROR)
