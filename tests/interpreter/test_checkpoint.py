"""What a run goes on from is lossless."""

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.values import Header, Identity, Limits, Target, WhenReached
from connections.secret import Secret
from flows.interpreter.checkpoint import pack_outcome, target_of, unpack_outcome
from flows.interpreter.journal import ActionFinished
from flows.language.values import ConnectionValue

ENDPOINT = parse_endpoint("https://contoso.openai.azure.com")
TARGETS = [
    Target("contoso", ENDPOINT, Secret("planted-key")),
    Target("gateway", ENDPOINT, Secret("planted-key"), None, "api-key", Header("x-more", Secret("other"))),
    Target("app", ENDPOINT, Secret(""), Identity("client_secret", "t", "c", Secret("s"), Secret("p"), "login.example")),
    Target(
        "limited", ENDPOINT, Secret("planted-key"), limits=Limits(1, None, 3, 4, WhenReached.SPILL, "spare"),
        customer="Fabrikam", account="Fabrikam@contoso",
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
    assert (target.limits, target.customer, target.account) == (None, "", "")
