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


@pytest.mark.parametrize("data", [None, [], "x", {}, {"data": {}}, {"value": 3}])
def test_what_is_no_list_is_told(data):
    with pytest.raises(ProtocolError, match="the answer is no list"):
        page_of_deployments(data)
