"""The action types there are, by what they have in common."""

import pytest

from flows.actions import registry
from flows.actions.base import ActionType, NewBranch
from flows.actions.refused_try import RefusedTry
from flows.actions.services import FlowRun, MemoryServices
from flows.language.document import parse
from flows.language.errors import ActionError


def test_types_are_found_in_their_folders():
    types = [known.type for known in registry.all_types()]
    folders = [registry.folder(type).name for type in types]
    assert (len(types), folders) == (len(set(types)), sorted(folders))
    assert all((registry.folder(type) / "help.md").exists() for type in types)
    assert [type(known).__module__ for known in registry.all_types()] == [
        f"flows.actions.{name}.action" for name in folders
    ]
    assert (registry.action_type("log"), registry.find_type("teleport")) == (registry.find_type("log"), None)
    for ask in (registry.action_type, registry.folder):
        with pytest.raises(registry.UnknownAction):
            ask("teleport")


def test_types_are_known_by_what_they_are():
    assert {*registry.model_call_types()} == {"chat_completion", "generate_embedding", "ask_agent"}
    assert {*registry.container_types()} == {"if_else", "for_each", "while", "try_catch"}
    assert {*registry.loop_types()} == {"for_each", "while"}
    assert {known.type for known in registry.all_types() if known.only_in_loops} == {"break", "continue"}
    assert {known.type for known in registry.all_types() if known.leaves_block} == {
        "break",
        "continue",
        "return",
        "throw",
    }
    assert {known.type for known in registry.all_types() if known.takes_paste_of} == {"http_request"}
    assert {known.type for known in registry.all_types() if known.brings_secrets} == {
        "get_environment_secret", "get_key_vault_secret", "http_request", "query_database",
    }  # fmt: skip


def test_a_new_action_has_the_defaults_that_are_worth_seeing():
    assert registry.initial_properties("log") == {"level": "info"}
    assert registry.initial_properties("teleport") == registry.properties_of_type("teleport") == {}


@pytest.mark.parametrize(
    ("branch", "stored"),
    [
        (NewBranch("body"), {"id": "a-body", "title": "", "actions": []}),
        (NewBranch("1", "If", ""), {"id": "a-1", "title": "If", "condition": "", "actions": []}),
    ],
)
def test_a_new_branch_is_stored_with_a_condition_where_it_is_to_have_one(branch, stored):
    assert branch.to_json("a") == stored


def test_what_a_type_does_not_say():
    known = ActionType()
    assert (known.branches, known.brings_secrets, known.calls_model, known.takes_paste_of) == ("none", False, False, "")
    assert (known.values_inside({}, 0), known.iterations_in({}), known.problems(None)) == ({}, None, [])


def test_ways_lead_through_one_branch_or_none_and_those_of_a_loop_through_none():
    branches = [{"id": "a", "actions": []}, {"id": "b", "actions": []}]
    action = parse(
        {"format": "foundryflow/1", "name": "x", "actions": [{"id": "x", "type": "x", "branches": branches}]}
    ).find("x")
    known, loop = ActionType(), type("Loop", (ActionType,), {"branches": "body"})()
    assert [[branch.id for branch in way] for way in known.ways(action)] == [[], ["a"], ["b"]]
    assert [*loop.ways(action)] == [()]
    assert known.role(action, action.branches[0]) == ""


def test_a_refused_try_is_kept_with_when_the_next_one_begins():
    assert RefusedTry(1, 4, "rate_limit", "Busy.", 7.0, 429).to_json(9.5) == {
        "number": 1, "most": 4, "kind": "rate_limit", "message": "Busy.", "at": 7.0, "status": 429, "until": 9.5,
    }  # fmt: skip


@pytest.mark.parametrize("client", ["foundry", "embeddings", "databases", "vaults", "http"])
def test_services_in_memory_have_the_clients_they_are_given(client):
    assert getattr(MemoryServices(**{client: "given"}), client) == "given"
    with pytest.raises(ActionError) as failed:
        getattr(MemoryServices(), client)
    assert failed.value.kind == "no_client"


@pytest.mark.parametrize(
    ("ask", "kind"),
    [
        (lambda services: services.connection("x"), "connection_missing"),
        (lambda services: services.data_connection("x"), "connection_missing"),
        (lambda services: services.secret("x"), "secret_missing"),
        (lambda services: services.environment_secret("x"), "not_listed"),
        (lambda services: services.run_flow("x", {}, None), "flow_missing"),
        (lambda services: services.file({"name": "a", "sha256": "x"}), "file_missing"),
    ],
)
async def test_services_in_memory_say_what_they_do_not_have(ask, kind):
    with pytest.raises(ActionError) as failed:
        await ask(MemoryServices())
    assert failed.value.kind == kind


async def test_flows_in_memory_give_what_their_function_gives():
    services = MemoryServices(flows={"double": lambda inputs: inputs["n"] * 2})
    assert await services.run_flow("double", {"n": 2}, None) == FlowRun(1, "succeeded", 4)
