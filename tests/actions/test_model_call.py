"""What calls of models have in common: their connection, how long they take, and how they fail."""

from types import SimpleNamespace

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import Target, Waiting
from connections.secret import Secret
from flows.actions import model_call
from flows.actions.model_call import Timings, call_error, choose_connection, facts_of_target, refused_try
from flows.actions.refused_try import RefusedTry
from flows.language.errors import ActionError
from flows.language.scope import Scope
from flows.language.values import ConnectionValue

ENDPOINT = parse_endpoint("https://contoso.openai.azure.com/openai/v1")
CONTOSO = Target("contoso", ENDPOINT, Secret("planted-key"))


def step_with(**variables):
    async def connection(name):
        return f"stored {name}"

    scope = Scope()
    for name, value in variables.items():
        scope.bind(name, value)
    return SimpleNamespace(scope=scope, services=SimpleNamespace(connection=connection))


@pytest.mark.parametrize(
    ("static", "name", "chosen"),
    [
        ("contoso", None, ("stored contoso", "chosen in the flow")),
        (None, "", ("stored ", "chosen in the flow")),
        ("contoso", "made", (CONTOSO, "from variable made, instead of contoso")),
        (None, "made", (CONTOSO, "from variable made")),
    ],
)
async def test_a_connection_is_chosen_with_why(static, name, chosen):
    step = step_with(made=ConnectionValue("made", CONTOSO))
    properties = SimpleNamespace(connection=static, dynamic_connection=name)
    assert await choose_connection(properties, step) == chosen


@pytest.mark.parametrize(("value", "what"), [(None, "has no value"), ("contoso", "is not a connection")])
async def test_a_dynamic_connection_has_to_be_one(value, what):
    step = step_with(made=value)
    with pytest.raises(ActionError) as refused:
        await choose_connection(SimpleNamespace(connection="contoso", dynamic_connection="made"), step)
    assert (refused.value.kind, refused.value.message) == ("dynamic_connection", f"The dynamic connection made {what}.")


def test_times_are_told_in_milliseconds(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(model_call.time, "monotonic", lambda: now[0])
    timings = Timings(started=100.0)
    now[0] = 100.1234
    assert timings.facts() == {"first_token_ms": None, "total_ms": 123.4}
    timings.note_text()
    now[0] = 102
    timings.note_text()
    assert timings.facts() == {"first_token_ms": 123.4, "total_ms": 2_000.0}


def test_a_wait_for_a_limit_of_ours_is_no_refused_try(monkeypatch):
    monkeypatch.setattr(model_call.time, "time", lambda: 7.0)
    assert refused_try(Waiting("Limit of contoso", None, 0)) is None
    assert refused_try(Waiting("Busy", 12.0, 2, 4, 429, "rate_limit")) == RefusedTry(
        2, 4, "rate_limit", "Busy", 7.0, 429
    )


def test_an_error_names_who_was_asked_and_for_whom():
    error = FoundryError(ErrorKind.SERVER, "500", "Later.", status=500, request_id="r-1", raw="{}")
    error.details = {"budget": 1}
    told = call_error(CONTOSO, error, {"tokens": 2})
    known = {"status": 500, "request_id": "r-1", "raw": "{}", "facts": {"tokens": 2, "budget": 1}}
    assert vars(told) == vars(ActionError("server", "contoso: 500", "Later.", **known))
    tenant = Target("contoso", ENDPOINT, Secret("k"), customer="Fabrikam")
    assert call_error(tenant, error, {}).message == "Fabrikam, contoso: 500"
    assert facts_of_target(tenant, "why", "m")["customer"] == "Fabrikam"
