"""The call that a snippet makes, from the settings of the playground, ready to be written in any language.

URL, body and headers come from the client's own modules, so that a snippet cannot send anything else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, unquote

from connections.endpoint.endpoint import Endpoint, EndpointKind
from connections.foundry.auth import ANTHROPIC_KEY, API_KEY, BEARER
from connections.foundry.calls import ChatCall
from connections.foundry.errors import FoundryError
from connections.foundry.lessons import Lesson
from connections.foundry.messages import NEWEST
from connections.foundry.routes import Api
from connections.foundry.values import ChatRequest, Target
from connections.secret import Secret
from flows.playground.code_writers.choices import Authentication, Language, Sdk, SnippetChoice, SnippetRefusal
from flows.playground.code_writers.templated_text import TemplatedText, mark_templated, names_in, templated_texts

KEY, TOKEN, EXTRA = "AZURE_OPENAI_API_KEY", "AZURE_ACCESS_TOKEN", "GATEWAY_HEADER_VALUE"  # environment variables
CLAUDES_KEY = "ANTHROPIC_FOUNDRY_API_KEY"  # as Anthropic's SDK names it
ANTHROPIC_SDK_VERSION = NEWEST  # the `anthropic-version` that Anthropic's SDKs send by themselves
OPERATIONS = {Api.CHAT: "/chat/completions", Api.RESPONSES: "/responses", Api.MESSAGES: "/v1/messages"}
STORED = False  # what the playground's client says to Responses


@dataclass(frozen=True)
class ExtraHeader:
    """A header that a gateway wants: by its name, and whether it carries the key or a value of its own."""

    name: str
    is_key: bool = True


@dataclass(frozen=True)
class CodeSource:
    """What a snippet is made from: the settings as they are now, and of the connection all but its key."""

    endpoint: Endpoint
    request: ChatRequest
    key_header: str = ""  # of the connection; empty: by kind of endpoint
    extra_header: ExtraHeader | None = None
    lessons: Sequence[Lesson] = ()  # what the deployment has refused before
    variables: Mapping[str, str] = field(default_factory=dict)
    templates: Sequence[str] = ()  # of the messages of `request`, in their order; empty text for none


@dataclass(frozen=True)
class SdkAddress:
    """How a client of the OpenAI SDK is told where to call. With an `api_version` it is the one for Azure."""

    base: str  # without the operation; of the Azure client without /openai, too
    api_version: str = ""
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def azure(self) -> bool:
        return bool(self.api_version)


@dataclass(frozen=True)
class SentHeader:
    """A header of a REST snippet: a text, the environment variable that comes after it, or both."""

    name: str
    text: str = ""
    variable: str = ""

    def sum_of(self, quote: Callable[[str], str], environment: Callable[[str], str], plus: str = " + ") -> str:
        """Its value, in languages that add texts."""
        text = [quote(self.text)] if self.text else []
        return plus.join([*text, *([environment(self.variable)] if self.variable else [])])


@dataclass(frozen=True)
class CallPlan:
    """Everything that the code of a call has to say, in no language yet."""

    api: Api
    endpoint: Endpoint  # the one that is called
    url: str
    body: Mapping[str, Any]
    header: str  # that carries the key: bearer, api-key or the one of a gateway
    key_headers: tuple[str, ...]  # all that carry it: Claude has two
    headers: Mapping[str, str]  # those of the API, beside
    scope: str  # of a token
    choice: SnippetChoice
    extra: ExtraHeader | None
    variables: Mapping[str, str] = field(default_factory=dict)
    composed: tuple[TemplatedText, ...] = ()  # texts of the body that are made of variables
    extras: frozenset[str] = frozenset()  # names of the body that no SDK need have an argument for

    @property
    def entra(self) -> bool:
        return self.choice.authentication is Authentication.ENTRA

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream"))

    @property
    def path(self) -> str:
        """Without the query."""
        return self.url.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.url.partition("?")[2]))

    @property
    def deployment(self) -> str:
        """What stands in the path, of routes that have it there."""
        found = re.search(r"/openai/deployments/([^/]+)/chat/completions$", self.path)
        return unquote(found[1]) if found else ""

    @property
    def model(self) -> str:
        """What an SDK is given as the model. Raises SnippetRefusal when there is none."""
        if name := self.deployment or self.body.get("model"):
            return str(name)
        raise SnippetRefusal("An SDK wants the name of a model. Type the deployment, or choose REST.")

    def model_comment(self, mark: str = " //") -> str:
        """What a reader is told about the model."""
        return f"{mark} the deployment name" if self.endpoint.is_azure else ""

    @property
    def env_names(self) -> tuple[str, ...]:
        """The environment variables that the snippet reads."""
        extra = (EXTRA,) if self.extra and not self.extra.is_key else ()
        if not self.entra:
            return (self.key_name, *extra)
        by_key = (self.key_name,) if self.extra and self.extra.is_key else ()
        # In a shell the snippet fetches the token by itself.
        by_token = (TOKEN,) if self.choice.sdk is Sdk.REST and self.choice.language is not Language.CURL else ()
        return (*by_token, *by_key, *extra)

    @property
    def secret_name(self) -> str:
        """The environment variable that a REST snippet authenticates with."""
        return TOKEN if self.entra else self.key_name

    @property
    def key_name(self) -> str:
        """The environment variable of the key."""
        return CLAUDES_KEY if self.api is Api.MESSAGES else KEY

    @property
    def rest_headers(self) -> list[SentHeader]:
        """What a REST snippet sends beside the type of its content: what authenticates it, then the others."""
        bearer = self.entra or self.header == BEARER
        own = [("Authorization", "Bearer ")] if bearer else [(name, "") for name in self.key_headers]
        headers = [SentHeader(name, before, self.secret_name) for name, before in own]
        headers += [SentHeader(name, text) for name, text in self.headers.items()]
        if self.extra:
            headers.append(SentHeader(self.extra.name, variable=self.extra_name))
        return list({header.name: header for header in headers}.values())

    @property
    def sends_bearer_key(self) -> bool:
        """Whether a key goes where a token would."""
        return not self.entra and self.header == BEARER

    @property
    def gateway_headers(self) -> dict[str, str]:
        """Headers that Anthropic's SDK does not send by itself, and the environment variables they carry."""
        own = not self.entra and self.header not in (BEARER, API_KEY, ANTHROPIC_KEY)
        extra = {self.extra.name: self.extra_name} if self.extra else {}
        return {**({self.header: self.key_name} if own else {}), **extra}

    @property
    def named_body(self) -> dict[str, Any]:
        """What an SDK has arguments for."""
        return {name: given for name, given in self.body.items() if name not in self.extras}

    @property
    def extra_body(self) -> dict[str, Any]:
        return {name: given for name, given in self.body.items() if name in self.extras}

    @property
    def extra_name(self) -> str:
        """The environment variable that the extra header carries."""
        return self.key_name if self.extra and self.extra.is_key else EXTRA

    @property
    def token_command(self) -> str:
        return f"az account get-access-token --scope {self.scope} --query accessToken --output tsv"

    @property
    def sdk_header(self) -> str:
        """The header of the key that an OpenAI SDK must be told about; empty when it sends it by itself.

        The v1 routes of Azure take a key as a bearer too, which is what SDKs send.
        """
        if self.entra or self.header == (API_KEY if self.address.azure else BEARER):
            return ""
        takes_bearer = self.endpoint.kind in (EndpointKind.V1, EndpointKind.PROJECT) and self.endpoint.is_azure
        return "" if takes_bearer and self.header == API_KEY else self.header

    @property
    def address(self) -> SdkAddress:
        """The client for Azure is meant for dated routes, and sends a key as api-key alone."""
        rest = {name: value for name, value in self.query.items() if name != "api-version"}
        version = self.query.get("api-version", "")
        if version and (self.entra or self.header == API_KEY):
            found = re.fullmatch(r"(.*)/openai/(?:deployments/[^/]+/chat/completions|responses)", self.path)
            if found:
                return SdkAddress(found[1], version, rest)
        return SdkAddress(self.path.removesuffix(OPERATIONS[self.api]), query=self.query)

    def with_variables(self, reserved: frozenset[str]) -> CallPlan:
        """For languages that write variables: with marked texts, unless a name means something else there."""
        usable = {str(text): text for text in self.composed if not text.names & reserved}
        body = mark_templated(self.body, usable)
        used = set(names_in(body))
        variables = {name: value for name, value in self.variables.items() if name in used}
        return replace(self, body=body, variables=variables)


def plan_of(source: CodeSource, choice: SnippetChoice) -> CallPlan:
    """Raises SnippetRefusal."""
    target = Target("", source.endpoint, Secret(""), key_header=source.key_header)
    try:
        request = ChatCall(target, source.request, choice.api, store=STORED).wire_request(source.lessons)
    except FoundryError as error:
        raise SnippetRefusal(f"{error.message} {error.hint}") from None
    body = dict(request.body or {})
    ordered = {
        name: body[name] for name in ("model", "instructions", "system", "messages", "input") if name in body
    } | body
    extra = source.extra_header if source.extra_header and source.extra_header.name else None
    return CallPlan(
        api=request.route.api,
        endpoint=request.route.endpoint,
        url=request.route.url,
        body=ordered,
        header=request.key_header,
        key_headers=request.key_headers,
        headers=request.headers,
        scope=request.scope,
        choice=choice,
        extra=extra,
        variables=source.variables,
        composed=templated_texts(source.request.messages, source.templates, source.variables),
        extras=frozenset(source.request.extra or ()) & frozenset(ordered),
    )
