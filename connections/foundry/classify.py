"""An answer that is none -> FoundryError: which kind it is by its status and its words, and what to do about it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from connections.foundry.errors import ErrorKind, FoundryError, request_id
from connections.foundry.filters import filter_results
from connections.foundry.json_parsing import parse_json
from connections.foundry.masking import Masker
from connections.foundry.refused_parameters import refused_parameters

Verdict = tuple[ErrorKind, str, str]  # kind, message and hint


class ErrorBody:
    """The error inside an answer, whatever form it has, with masks for secrets that came back in it."""

    def __init__(self, text: str, masker: Masker) -> None:
        self.text = masker.text(text)
        try:
            data = masker.value(parse_json(text))
        except ValueError:
            data = None
        error = data.get("error") if isinstance(data, Mapping) else None
        inner: Any = error if isinstance(error, Mapping) else data if isinstance(data, Mapping) else {}
        # Claude's errors have a type where others have a code.
        typed = inner.get("type") if isinstance(data, Mapping) and data.get("type") == "error" else ""
        self.code = str(inner.get("code") or inner.get("statusCode") or typed or "")
        self.message = self._message(error, inner)
        named = data.get("request_id") if isinstance(data, Mapping) else None
        self.request_id = named[:200] if isinstance(named, str) else None
        self.refused = refused_parameters(inner, self.message)
        found = inner.get("innererror") or inner.get("inner_error")
        results = found.get("content_filter_result") if isinstance(found, Mapping) else None
        self.filters = filter_results("prompt", results)

    @staticmethod
    def _message(error: Any, inner: Mapping[str, Any]) -> str:
        if isinstance(error, str):
            return error
        detail = inner.get("detail")
        message = inner.get("message") or detail or ""
        return message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)

    @property
    def quotation(self) -> str:
        """The beginning of its message as a sentence to append; empty when it says nothing."""
        return f" It said: {self.message[:300]}" if self.message else ""

    def says(self, *words: str) -> bool:
        lowered = f"{self.code} {self.message}".lower()
        return any(word in lowered for word in words)


def error_of_answer(
    status: int, text: str, headers: Mapping[str, str], *, model: str, masker: Masker, host: str
) -> FoundryError:
    """The typed error of an answer that is none (status >= 400, or an error inside a stream). `headers` are masked."""
    body = ErrorBody(text, masker)
    kind, message, hint = classify(status, body, model, host)
    return FoundryError(
        kind,
        message,
        hint,
        status=status,
        request_id=request_id(headers) or body.request_id,
        raw=body.text,
        code=body.code,
        params=body.refused,
        filters=body.filters,
    )


# A resource serves Claude on paths of its own, and no other model there.
NOT_ON_THIS_SURFACE = "api_not_supported"
# A model that speaks chat but not Responses, or the other way round.
OTHER_API = (
    "operationnotsupported",
    "the requested operation is unsupported",
    "use /v1/responses instead",
    "does not work with the specified model",
    "model not supported",
    "only supported in v1/responses",
    "not a chat model",
)
NO_DOCUMENTS = "does not support file content types"  # chat completions of Azure, whatever the model


MISSING_KEY = "401: the service found no key where it looks for one."
MISSING_KEY_WORDS = (
    *("missing subscription key", "missing api key", "no api key", "api key is missing"),
    "x-api-key header is required",
)
TOO_LONG = ("context_length_exceeded", "maximum context length", "prompt is too long", "exceed context limit")
# "... is enabled only for api-versions 2024-12-01-preview and later"
ENABLED_SINCE = re.compile(r"enabled only for api[- ]versions? (\d{4}-\d\d-\d\d(?:-preview)?)", re.IGNORECASE)


def classify(status: int, body: ErrorBody, model: str, host: str) -> Verdict:
    """Where the words of the body and the status disagree, the words count: statuses differ by service."""
    if status == 401:
        return classify_unauthorised(body)
    if status == 403:
        return classify_forbidden(body)
    if status in (404, 410):
        return classify_missing(body, model, host)
    return classify_by_words(status, body, model, host) or classify_by_status(status, body, host)


def classify_by_words(status: int, body: ErrorBody, model: str, host: str) -> Verdict | None:
    if body.says("content_filter", "responsibleaipolicyviolation", "content management policy"):
        return (
            ErrorKind.CONTENT_FILTER,
            f"The content filter blocked the prompt{filter_summary(body)}.",
            "Rephrase the prompt, or change the filter of the deployment.",
        )
    if body.says(*TOO_LONG):
        return (
            ErrorKind.CONTEXT_LENGTH,
            "The prompt is too long for the model.",
            "Shorten it, or lower Max completion tokens: both count together.",
        )
    if body.says("model output limit was reached"):
        return (
            ErrorKind.TRUNCATED,
            "The model spent all its tokens on thoughts and had none left for the answer.",
            "Raise Max completion tokens: thoughts count, too.",
        )
    return classify_route(status, body, model, host)


def speaks_another_api(error: FoundryError) -> bool:
    """Whether the refusal says that the model is there, and of another kind than the call was for."""
    return any(word in error.raw.lower() for word in OTHER_API)


def classify_route(status: int, body: ErrorBody, model: str, host: str) -> Verdict | None:
    """Of an answer that says that this is not the way to this model."""
    if status == 400 and body.says("api-version query parameter is not allowed", "query parameter: api-version"):
        return (
            ErrorKind.NOT_FOUND_ROUTE,
            f"400: {host} wants another api-version on this path.{body.quotation}",
            f"Use https://{host}/openai/v1, which takes none.",
        )
    if status == 400 and (since := ENABLED_SINCE.search(body.message)):
        return (
            ErrorKind.NOT_FOUND_ROUTE,
            f"400: {model} needs api-version {since[1]} or later.{body.quotation}",
            f"Use https://{host}/openai/v1, which takes none.",
        )
    if status == 400 and body.says("unknown_model", "model_not_supported"):
        return missing_deployment(status, model)
    if body.says(NO_DOCUMENTS):
        return (
            ErrorKind.NOT_FOUND_ROUTE,
            f"{status}: {model} takes no PDF here.{body.quotation}",
            "Use an endpoint that has Responses, which read them.",
        )
    if body.says(*OTHER_API):
        return (
            ErrorKind.NOT_FOUND_ROUTE,
            f"{status}: {model} does not speak this API.{body.quotation}",
            "Choose a deployment of a chat model; this one may speak another API only, or make embeddings.",
        )
    return None


def classify_by_status(status: int, body: ErrorBody, host: str) -> Verdict:
    if status == 429:
        return classify_too_many(body)
    if status == 402:
        return (
            ErrorKind.QUOTA,
            f"402: the account is not paid for.{body.quotation}",
            "Look at the billing of the subscription.",
        )
    if status in (400, 422):
        return classify_rejected(status, body)
    if status == 408:
        return ErrorKind.TIMEOUT, "408: the service took too long.", "Try again; a shorter answer is faster."
    if status >= 500 and body.says("invalid_model_endpoint_authentication"):
        return (
            ErrorKind.SERVER,
            f"{status}: Azure was not let in by whoever serves the model.{body.quotation}",
            "Try again; if it lasts, the subscription has not bought the model in the Azure Marketplace.",
        )
    if status == 529:
        return ErrorKind.SERVER, "529: the service is overloaded.", "Try again in a while."
    if status in (409, 424) or status >= 500 or status == 499:
        return (
            ErrorKind.SERVER,
            f"{status}: the service failed.{body.quotation}",
            "Try again; if it lasts, look at the Azure status page.",
        )
    return ErrorKind.PROTOCOL, f"{status}: {host} refused the request.{body.quotation}", "See the raw answer."


def classify_too_many(body: ErrorBody) -> Verdict:
    if body.says("insufficient_quota"):
        return (
            ErrorKind.QUOTA,
            "429: the quota is used up.",
            "Raise the quota of the subscription, or wait for the next period.",
        )
    return (
        ErrorKind.RATE_LIMIT,
        f"429: the rate limit is reached.{body.quotation}",
        "Wait, or raise the tokens per minute of the deployment.",
    )


def classify_rejected(status: int, body: ErrorBody) -> Verdict:
    if body.refused:
        return (
            ErrorKind.UNSUPPORTED_PARAMETER,
            f"{status}: the deployment refuses {' and '.join(body.refused)}.{body.quotation}",
            "Clear that property, or choose another deployment.",
        )
    return ErrorKind.PROTOCOL, f"{status}: the request was refused.{body.quotation}", "See the raw answer."


def classify_unauthorised(body: ErrorBody) -> Verdict:
    if body.says("lacks the required data action", "does not have access", "principal does not"):
        return (
            ErrorKind.PERMISSION,
            "401: the identity has no right to call models.",
            "Assign the role Cognitive Services User; it takes some minutes.",
        )
    if body.says("access token", "audience"):
        return (
            ErrorKind.AUTH_TOKEN,
            "401: the token was refused.",
            "This route may want the key as api-key, or a token of another scope.",
        )
    if body.says(*MISSING_KEY_WORDS):
        return ErrorKind.AUTH_KEY, MISSING_KEY, "Choose another header of the key, the one that the gateway names."
    return (
        ErrorKind.AUTH_KEY,
        "401: the key was refused. The address is right.",
        "Copy key 1 or 2 again: portal, resource, Keys and Endpoint.",
    )


def classify_forbidden(body: ErrorBody) -> Verdict:
    if body.says("authenticationtypedisabled", "key based authentication is disabled"):
        return (
            ErrorKind.PERMISSION,
            "403: the resource accepts no keys.",
            "Allow key authentication in the portal, or use Microsoft Entra ID.",
        )
    if body.says("virtual network", "firewall", "public access"):
        return (
            ErrorKind.NETWORK_RULE,
            "403: a network rule of the resource blocks this server.",
            "Add this server's address in the portal: resource, Networking.",
        )
    return ErrorKind.PERMISSION, f"403: access is denied.{body.quotation}", "Ask the owner of the resource."


def classify_missing(body: ErrorBody, model: str, host: str) -> Verdict:
    if body.says(
        "deploymentnotfound",
        "deployment for this resource does not exist",
        "unknown model",
        "model_not_found",
        "does not exist",
    ) or re.search(r"\bdeployment \S+ not found|^model: \S+$", body.message, re.IGNORECASE):
        return missing_deployment(404, model)
    if body.says(NOT_ON_THIS_SURFACE):
        return (
            ErrorKind.NOT_FOUND_ROUTE,
            f"404: {model} does not speak this API.{body.quotation}",
            "Claude answers at /anthropic of the same resource, all other models at /openai/v1.",
        )
    return (
        ErrorKind.NOT_FOUND_ROUTE,
        f"404: {host} does not know this path.",
        "Try /openai/v1 on the same host, or another api-version.",
    )


def missing_deployment(status: int, model: str) -> Verdict:
    return (
        ErrorKind.NOT_FOUND_DEPLOYMENT,
        f"{status}: there is no deployment {model}. Key and address are right.",
        "Model is the name of the deployment, not the model id. New deployments need about five minutes.",
    )


def filter_summary(body: ErrorBody) -> str:
    """ ": violence, medium" from the categories that were hit."""
    hit = "; ".join(str(found) for found in body.filters if found.filtered)
    return f": {hit}" if hit else ""
