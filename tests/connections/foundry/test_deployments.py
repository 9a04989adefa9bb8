"""Lists of deployments, in whichever form a service gives them."""

import pytest

from connections.foundry.deployments import page_of_deployments
from connections.foundry.values import ListedDeployment, ProtocolError


@pytest.mark.parametrize(
    ("data", "found", "rest"),
    [
        ({"model_name": "phi-4"}, [ListedDeployment("phi-4", "phi-4")], None),
        (
            {"value": [{"name": "a", "modelName": "gpt-4o", "type": "ModelDeployment"}], "nextLink": "https://next"},
            [ListedDeployment("a", "gpt-4o")],
            "https://next",
        ),
        (
            {
                "data": [
                    {"id": "b", "model": "gpt-4o", "status": "succeeded"},
                    {"id": "c", "modelName": "x", "model": "y"},
                ]
            },
            [ListedDeployment("b", "gpt-4o", "succeeded"), ListedDeployment("c", "x")],
            None,
        ),
        ({"value": [], "data": [{"id": "b"}]}, [], None),
        ({"value": None, "data": [3, {}, {"id": ""}, {"name": 5, "id": "d"}]}, [ListedDeployment("d")], None),
        ({"data": [{"name": "e", "type": "Index"}, {"name": "f"}]}, [ListedDeployment("f")], None),
    ],
)
def test_a_page_of_deployments_is_read(data, found, rest):
    assert page_of_deployments(data) == (found, rest)


@pytest.mark.parametrize(
    ("capabilities", "embeds"),
    [
        ({"embeddings": True, "chat_completion": False}, True),
        ({"embeddings": "true"}, True),
        ({"embeddings": False, "inference": True}, False),
        ({"chat_completion": "true"}, False),
        ({"inference": True}, None),
        ({"chat_completion": "false"}, None),
        ({}, None),
        (None, None),
        ([], None),
    ],
)
def test_a_list_may_say_whether_a_deployment_makes_embeddings(capabilities, embeds):
    (found,), _ = page_of_deployments({"value": [{"name": "text-embedding-3", "capabilities": capabilities}]})
    assert found.embeds is embeds  # whatever its name is


@pytest.mark.parametrize("data", [None, [], "x", {}, {"data": {}}, {"value": 3}])
def test_what_is_no_list_is_told(data):
    with pytest.raises(ProtocolError, match="the answer is no list"):
        page_of_deployments(data)
