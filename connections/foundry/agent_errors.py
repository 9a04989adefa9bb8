"""What a refusal means where an agent was asked, in sentences about agents and their conversations."""

from __future__ import annotations

from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import Target

NEEDS_ROLE = "The role Foundry User on the project is needed; a new one takes some minutes."
CONVERSATION_WORDS = ("conversation", "previous response", "previous_response")


def error_of_agent(error: FoundryError, agent: str, target: Target) -> FoundryError:
    """The same error with the words that are right for an agent, and its kind where another one is."""
    said = error.raw.lower()
    if error.status == 401 and target.identity is None:
        return as_agent_error(error, error.kind, *key_refusal(agent, target))
    if error.kind in (ErrorKind.AUTH_TOKEN, ErrorKind.PERMISSION) and target.identity is not None and error.status:
        return as_agent_error(error, error.kind, error.message, NEEDS_ROLE)
    if error.status in (400, 404) and any(word in said for word in CONVERSATION_WORDS) and not error.params:
        return as_agent_error(
            error,
            ErrorKind.NOT_FOUND_CONVERSATION,
            f"{error.status}: the service does not know the conversation that was to go on.",
            "It may have been deleted, be of another project, or be older than 30 days. "
            "Empty the variable to begin a new one.",
        )
    if error.kind is ErrorKind.NOT_FOUND_DEPLOYMENT or (error.status == 404 and not is_missing_route(error)):
        return as_agent_error(
            error,
            ErrorKind.NOT_FOUND_AGENT,
            f"{error.status}: the project has no agent {agent}. Its address and the sign-in are right.",
            "Agent is the name that the list of agents shows; names of agents have no spaces.",
        )
    if error.status == 404:
        return as_agent_error(
            error,
            error.kind,
            f"404: {target.endpoint.host} has no agents at this address.",
            "Look at the name of the project. Classic agents (asst_…) are another API.",
        )
    if error.kind is ErrorKind.UNSUPPORTED_PARAMETER:
        return as_agent_error(
            error,
            error.kind,
            f"{error.status}: the agent takes no {' and no '.join(error.params)}; it has its own.",
            "Change the agent in its project.",
        )
    return error


def is_missing_route(error: FoundryError) -> bool:
    """Whether the path is not there, as opposed to what it names."""
    words = error.raw.lower()
    plain = not words or "resource not found" in words
    return error.status == 405 or (error.status == 404 and plain)


def key_refusal(agent: str, target: Target) -> tuple[str, str]:
    what = f"agent {agent}" if agent else "the agent"
    entra = "Sign in with Microsoft Entra ID: Settings of the connection, Sign-in."
    if target.endpoint.is_application:
        return f"401: {what} is published as an application. Applications take no key, only Microsoft Entra ID.", entra
    return (
        f"401: {what} was not opened by the key. Agents of this kind want Microsoft Entra ID, or the key is wrong.",
        f"{entra} {NEEDS_ROLE}",
    )


def as_agent_error(error: FoundryError, kind: ErrorKind, message: str, hint: str) -> FoundryError:
    return FoundryError(
        kind,
        message,
        hint,
        status=error.status,
        request_id=error.request_id,
        raw=error.raw,
        code=error.code,
        params=error.params,
        filters=error.filters,
        details=error.details,
    )
