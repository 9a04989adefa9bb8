"""Lists of deployments -> Deployment, in whichever form a service gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connections.foundry.filters import text_or_none
from connections.foundry.values import ListedDeployment, ProtocolError


def page_of_deployments(data: Any) -> tuple[list[ListedDeployment], str | None]:
    """The deployments, and where the rest of them is. Raises ProtocolError.

    Azure OpenAI gives {"data": [{"id", "model", "status"}]}, a project {"value": [{"name", "modelName"}], "nextLink"},
    a compatible server the list of its models, a serverless endpoint {"model_name"} of the one it has.
    """
    if not isinstance(data, Mapping):
        raise ProtocolError("the answer is no list")
    if name := text_or_none(data.get("model_name")):
        return [ListedDeployment(name, name)], None
    entries = data.get("value") if isinstance(data.get("value"), list) else data.get("data")
    if not isinstance(entries, list):
        raise ProtocolError("the answer is no list")
    found = [deployment for entry in entries if (deployment := deployment_of(entry)) is not None]
    return found, text_or_none(data.get("nextLink"))


def deployment_of(entry: Any) -> ListedDeployment | None:
    if not isinstance(entry, Mapping):
        return None
    name = text_or_none(entry.get("name")) or text_or_none(entry.get("id"))
    if name is None or entry.get("type") not in (None, "ModelDeployment"):
        return None
    return ListedDeployment(
        name,
        text_or_none(entry.get("modelName")) or text_or_none(entry.get("model")),
        text_or_none(entry.get("status")),
        embeds_by(entry.get("capabilities")),
    )


def embeds_by(capabilities: Any) -> bool | None:
    """By what a list says that a model can do: {"embeddings": true}, {"chat_completion": "true"}; None where it says
    nothing of either."""
    if not isinstance(capabilities, Mapping):
        return None
    can = {name for name, value in capabilities.items() if value is True or str(value).lower() == "true"}
    if "embeddings" in can:
        return True
    return False if "embeddings" in capabilities or "chat_completion" in can else None
