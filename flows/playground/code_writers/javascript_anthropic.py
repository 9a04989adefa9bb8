"""JavaScript: Anthropic's SDK for Foundry. Version 1 of it has no parameter for sampling values."""

from __future__ import annotations

from typing import Any

from connections.foundry.messages import SAMPLING
from flows.playground.code_writers.call_plan import ANTHROPIC_SDK_VERSION, CallPlan
from flows.playground.code_writers.choices import WrittenCode
from flows.playground.code_writers.javascript import (
    RESERVED,
    assignments,
    comment_model,
    environment,
    imports,
    join_sections,
    options,
    token_provider,
    value,
)
from flows.playground.code_writers.literals import RawCode

TAKEN = RESERVED | {"AnthropicFoundry", "message", "params"}
PACKAGE = "@anthropic-ai/foundry-sdk@1"
PRINTS = {
    True: """\
for await (const event of stream) {
  if (event.type === "content_block_delta" && event.delta.type === "text_delta") {
    process.stdout.write(event.delta.text);
  }
}""",
    False: """\
for (const block of message.content) {
  if (block.type === "text") {
    process.stdout.write(block.text);
  }
}""",
}


def write_anthropic(plan: CallPlan) -> WrittenCode:
    plan = plan.with_variables(TAKEN)
    result = "stream" if plan.streams else "message"
    return join_sections(
        plan,
        [PACKAGE, *(["@azure/identity"] if plan.entra else [])],
        imports(plan, 'import AnthropicFoundry from "@anthropic-ai/foundry-sdk";', ["getBearerTokenProvider"]),
        client_of(plan),
        assignments(plan),
        *call_of(plan, result),
        PRINTS[plan.streams],
    )


def call_of(plan: CallPlan, result: str) -> list[str]:
    named = {name: given for name, given in {"model": plan.model, **plan.body}.items() if name not in SAMPLING}
    sampling = {name: given for name, given in plan.body.items() if name in SAMPLING}
    params = comment_model(plan, options(named))
    beside: dict[str, Any] = {}
    if sampling:
        rest = ", ".join(f"{name}: {value(given)}" for name, given in sampling.items())
        beside["body"] = RawCode(f"{{ ...params, {rest} }}")
    if others := {name: given for name, given in plan.headers.items() if given != ANTHROPIC_SDK_VERSION}:
        beside["headers"] = others
    if not beside:
        return [f"const {result} = await client.messages.create({params});"]
    return [
        f"const params = {params};",
        f"const {result} = await client.messages.create(params, {options(beside)});",
    ]


def client_of(plan: CallPlan) -> str:
    given: dict[str, Any] = {"baseURL": plan.address.base}
    if plan.entra:
        given |= {"apiKey": None, "azureADTokenProvider": RawCode("tokenProvider")}
    elif plan.sends_bearer_key:
        # Beside a function that gives a token, a key in the environment is an error.
        given |= {"apiKey": None, "azureADTokenProvider": RawCode(f"async () => {environment(plan.key_name)}")}
    else:
        given["apiKey"] = RawCode(environment(plan.key_name))
    if plan.address.query:
        given["defaultQuery"] = plan.address.query
    headers = {name: RawCode(environment(variable)) for name, variable in plan.gateway_headers.items()}
    if headers:
        given["defaultHeaders"] = headers
    return f"{token_provider(plan)}const client = new AnthropicFoundry({options(given)});"
