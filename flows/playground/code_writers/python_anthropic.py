"""Python: Anthropic's SDK, for Claude on Foundry. Versions 2 of it have no argument for sampling values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connections.foundry.messages import SAMPLING
from flows.playground.code_writers.call_plan import ANTHROPIC_SDK_VERSION, CallPlan
from flows.playground.code_writers.choices import WrittenCode
from flows.playground.code_writers.literals import RawCode
from flows.playground.code_writers.python import (
    RESERVED,
    argument,
    assignments,
    body_arguments,
    call,
    environment,
    identity_imports,
    imports,
    join_sections,
    token_provider,
)

TAKEN = RESERVED | {"AnthropicFoundry", "message"}
PACKAGE = '"anthropic>=2,<3"'
PRINTS = {
    True: """\
for event in stream:
    if event.type == "content_block_delta" and event.delta.type == "text_delta":
        print(event.delta.text, end="", flush=True)""",
    False: """\
for block in message.content:
    if block.type == "text":
        print(block.text, end="")""",
}


def write_anthropic(plan: CallPlan) -> WrittenCode:
    plan = plan.with_variables(TAKEN)
    result = "stream" if plan.streams else "message"
    return join_sections(
        plan,
        [PACKAGE, *(["azure-identity"] if plan.entra else [])],
        imports(plan, {"anthropic": ["AnthropicFoundry"], **identity_imports(plan, ["get_bearer_token_provider"])}),
        client_of(plan),
        assignments(plan),
        f"{result} = {call('client.messages.create', arguments_of(plan))}",
        PRINTS[plan.streams],
    )


def arguments_of(plan: CallPlan) -> list[str]:
    body = {"model": plan.model, **plan.body}
    beside_it = {*SAMPLING, *plan.extras}
    named = {name: given for name, given in body.items() if name not in beside_it}
    beside: dict[str, Mapping[str, Any]] = {
        "extra_body": {name: given for name, given in body.items() if name in beside_it},
        "extra_headers": {name: given for name, given in plan.headers.items() if given != ANTHROPIC_SDK_VERSION},
    }
    return [
        *body_arguments(plan, named),
        *(argument(name, given) for name, given in beside.items() if given),
    ]


def client_of(plan: CallPlan) -> str:
    arguments = [argument("base_url", plan.address.base)]
    if plan.entra:
        arguments.append("azure_ad_token_provider=token_provider,")
    elif plan.sends_bearer_key:
        arguments.append(f"azure_ad_token_provider=lambda: {environment(plan.key_name)},  # sends the key as a bearer")
    else:
        arguments.append(f"api_key={environment(plan.key_name)},")
    if plan.address.query:
        arguments.append(argument("default_query", plan.address.query))
    headers = {name: RawCode(environment(variable)) for name, variable in plan.gateway_headers.items()}
    if headers:
        arguments.append(argument("default_headers", headers))
    return f"{token_provider(plan)}client = {call('AnthropicFoundry', arguments)}"
