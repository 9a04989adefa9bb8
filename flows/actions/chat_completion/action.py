"""One prompt in, one answer out, streamed while it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connections.foundry.errors import FoundryError
from connections.foundry.values import ChatRequest, Completion, Message
from flows.actions.base import ActionType, Group, Result, Step
from flows.actions.chat_completion.answer import answer_shape, extra_parameters, response_format, warning_of
from flows.actions.chat_completion.call import StructuredCall, facts_of_answer, facts_of_call
from flows.actions.chat_completion.files import file_parts, files_problem, with_files
from flows.actions.chat_completion.structured import ONCE
from flows.actions.model_call import ConnectionProperties, Timings, call_error, choose_connection
from flows.language.errors import ActionError
from flows.language.nodes import Action
from flows.language.values import Response, as_text
from flows.properties.choice import choice
from flows.properties.deployment import deployment
from flows.properties.long_text import long_text
from flows.properties.new_variable import result_variable
from flows.properties.number import number
from flows.properties.schema import schema
from flows.properties.text import text
from flows.properties.value import value
from flows.properties.variable_value import variable_value

NOT_IN_PROMPTS = "secrets can't go into a prompt"
PROVIDER_DEFAULT = "provider default"  # what an empty parameter means
ROLES = ("system", "developer", "user", "assistant", "tool")
MOST_IMAGES = 10
IMAGE_ADDRESSES = ("https://", "data:image/")


@dataclass(frozen=True)
class Properties(ConnectionProperties):
    model: str = deployment(
        "Model", of="connection", required=True, hint="Deployment name, not the model id.", on_card=True
    )
    system_prompt: str | None = long_text("System prompt", empty="none", no_secrets=NOT_IN_PROMPTS, on_card=True)
    user_prompt: str = long_text("User prompt", required=True, no_secrets=NOT_IN_PROMPTS, on_card=True)
    files: Any = value(
        "Files",
        empty="none",
        hint="Inputs of type file: {{ invoice }}, or several as {{ [front, back] }}.",
        no_secrets=NOT_IN_PROMPTS,
        advanced=True,
    )
    images: Any = value(
        "Images",
        empty="none",
        hint="A list of https addresses or data URIs, such as {{ images }}.",
        no_secrets=NOT_IN_PROMPTS,
        advanced=True,
    )
    history: Any = variable_value(
        "History",
        type="list",
        empty="No variable",
        hint="A list of messages with role and content.",
        no_secrets=NOT_IN_PROMPTS,
        on_card=True,
        advanced=True,
    )
    context: Any = variable_value(
        "Context",
        empty="No variable",
        hint="Knowledge for the answer: text, a list or an object.",
        no_secrets=NOT_IN_PROMPTS,
        on_card=True,
        advanced=True,
    )
    prompt_template: str | None = long_text(
        "Prompt template",
        rows=4,
        empty="context and user prompt, one after the other",
        hint="@@context and @@userPrompt are replaced by the two above.",
        no_secrets=NOT_IN_PROMPTS,
        advanced=True,
    )
    temperature: float | None = number(
        "Temperature", minimum=0, maximum=2, empty=PROVIDER_DEFAULT, on_card=True, advanced=True
    )
    top_p: float | None = number("Top P", minimum=0, maximum=1, empty=PROVIDER_DEFAULT, advanced=True)
    max_completion_tokens: int | None = number(
        "Max completion tokens",
        card_label="Max tokens",
        minimum=1,
        whole=True,
        empty=PROVIDER_DEFAULT,
        on_card=True,
        advanced=True,
    )
    frequency_penalty: float | None = number(
        "Frequency penalty", minimum=-2, maximum=2, empty=PROVIDER_DEFAULT, advanced=True
    )
    presence_penalty: float | None = number(
        "Presence penalty", minimum=-2, maximum=2, empty=PROVIDER_DEFAULT, advanced=True
    )
    reasoning_effort: str | None = choice(
        "Reasoning effort",
        choices=("none", "minimal", "low", "medium", "high", "xhigh"),
        empty=PROVIDER_DEFAULT,
        advanced=True,
    )
    verbosity: str | None = choice(
        "Verbosity", choices=("low", "medium", "high"), empty=PROVIDER_DEFAULT, advanced=True
    )
    response_format: Any = schema(
        "Response format",
        words=("text", "json_object"),
        is_named=True,
        empty="text",
        hint="JSON is read into the part json of the result, and must fit its schema.",
        advanced=True,
    )
    repair: str | None = choice(
        "Repair",
        choices=(ONCE,),
        empty="never",
        hint="An answer that does not fit goes back to the model with what is wrong; both calls count.",
        advanced=True,
    )
    stop: Any = value("Stop", empty="none", hint="A text, or a JSON list of up to four.", advanced=True)
    seed: int | None = number("Seed", whole=True, empty=PROVIDER_DEFAULT, advanced=True)
    user: str | None = text("User", empty="not sent", hint="Passed on for abuse monitoring.", advanced=True)
    reasoning_summary: str | None = choice(
        "Reasoning summary", choices=("auto", "concise", "detailed"), empty="not asked for", advanced=True
    )
    top_logprobs: int | None = number(
        "Log probabilities",
        minimum=0,
        maximum=20,
        whole=True,
        empty="not asked for",
        hint="Of each token, beside so many that could have been in its place.",
        advanced=True,
    )
    service_tier: str | None = choice(
        "Service tier", choices=("auto", "default", "flex", "priority"), empty=PROVIDER_DEFAULT, advanced=True
    )
    extra_parameters: Any = value(
        "Extra parameters",
        empty="none",
        hint='A JSON object, sent as it is, such as {"top_k": 5}.',
        no_secrets="secrets can't go into parameters",
        advanced=True,
    )
    result_variable_name: str = result_variable("response", type="object", shape=answer_shape)


# Properties that are sent beside the messages, in the order of the playground.
PARAMETERS = (
    "temperature",
    "top_p",
    "max_completion_tokens",
    "reasoning_effort",
    "verbosity",
    "response_format",
    "stop",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "repair",
    "reasoning_summary",
    "top_logprobs",
    "service_tier",
    "extra_parameters",
)


class ChatCompletion(ActionType):
    type = "chat_completion"
    title = "Chat completion"
    purpose = "one prompt in, one answer out"
    group = Group.AZURE
    calls_model = True
    properties = Properties

    def problems(self, action: Action) -> list[tuple[str | None, str]]:
        sentence = files_problem(action.properties.get("files"))
        return [("files", sentence)] if sentence else []

    async def execute(self, properties: Properties, step: Step) -> Result:
        target, reason = await choose_connection(properties, step)
        files = await file_parts(properties.files, step.services)
        request, timings = with_files(chat_request(properties), files), Timings()
        facts = step.facts
        facts.update(facts_of_call(target, reason, request))
        if properties.dynamic_connection:
            facts["connection_variable"] = properties.dynamic_connection
        call = StructuredCall(target, request, properties.response_format, properties.repair)
        try:
            completion, checked = await call.answer(step, timings)
        except FoundryError as error:
            raise call_error(target, error, {**facts, **timings.facts()}) from None
        known = {**facts, **facts_of_answer(completion), **timings.facts()}
        known.pop("usage", None)
        response = response_of(completion, call.usage, checked.value)
        return Result(
            output=response,
            variables={properties.result_variable_name: response},
            usage=response.usage,
            warning=warning_of(completion) or checked.unchecked or None,
            facts=known,
        )


def response_of(completion: Completion, usage: Mapping[str, Any], value: Any) -> Response:
    """The answer as a value; `value` is the JSON in it, where that was asked for."""
    return Response(
        text=completion.text,
        usage=usage,
        finish_reason=completion.finish_reason,
        model=completion.model,
        json=value,
        raw=completion.raw,
        reasoning=completion.reasoning,
        logprobs=None if completion.logprobs is None else list(completion.logprobs),
    )


def chat_request(properties: Properties) -> ChatRequest:
    return ChatRequest(
        model=properties.model.strip(),
        messages=tuple(messages(properties)),
        temperature=properties.temperature,
        top_p=properties.top_p,
        max_completion_tokens=properties.max_completion_tokens,
        frequency_penalty=properties.frequency_penalty,
        presence_penalty=properties.presence_penalty,
        reasoning_effort=properties.reasoning_effort,
        verbosity=properties.verbosity,
        response_format=response_format(properties.response_format),
        stop=properties.stop or None,
        seed=properties.seed,
        user=properties.user or None,
        service_tier=properties.service_tier,
        logprobs=None if properties.top_logprobs is None else True,
        top_logprobs=properties.top_logprobs,
        reasoning_summary=properties.reasoning_summary,
        extra=extra_parameters(properties.extra_parameters),
    )


def messages(properties: Properties) -> list[Message]:
    made = [Message("system", properties.system_prompt)] if properties.system_prompt else []
    return [*made, *history(properties.history), Message("user", content(properties))]


def content(properties: Properties) -> str | list[dict[str, Any]]:
    """The user message: text, with images the parts that the API takes."""
    text, images = user_message(properties), properties.images
    if images in (None, "", []):
        return text
    urls = images if isinstance(images, list) else [images]
    if len(urls) > MOST_IMAGES or not all(isinstance(url, str) and url.startswith(IMAGE_ADDRESSES) for url in urls):
        raise ActionError(
            "images",
            f"Images are at most {MOST_IMAGES} addresses of images.",
            "Give https:// addresses or data:image/… URIs.",
        )
    return [{"type": "text", "text": text}, *({"type": "image_url", "image_url": {"url": url}} for url in urls)]


def history(value: Any) -> list[Message]:
    """Earlier messages: a list of objects with role and content. A list in it stands for its messages."""
    if value in (None, "", []):
        return []
    if not isinstance(value, list):
        raise ActionError(
            "history", "History is not a list of messages.", 'Give [{"role": "user", "content": "..."}, ...].'
        )
    made = []
    flat = [message for item in value for message in (item if isinstance(item, list) else [item])]
    for at, message in enumerate(flat):
        role = message.get("role") if isinstance(message, Mapping) else None
        if role not in ROLES:
            raise ActionError("history", f"History: message {at + 1} has no known role.", f"Roles: {', '.join(ROLES)}.")
        content = message.get("content")
        made.append(Message(role, content if is_parts(content) else as_text(content)))
    return made


def is_parts(content: Any) -> bool:
    """Whether a content is a list of parts (text, image) as the API takes them."""
    return isinstance(content, list) and all(isinstance(part, dict) and "type" in part for part in content)


def user_message(properties: Properties) -> str:
    """The user prompt, in its template when there is one. Context without a template comes before the prompt."""
    context = as_text(properties.context)
    template = properties.prompt_template
    if not template:
        template = "Context:\n@@context\n\n@@userPrompt" if context else "@@userPrompt"
    # One pass, so that a placeholder inside a value stays text.
    parts = template.split("@@userPrompt")
    return properties.user_prompt.join(part.replace("@@context", context) for part in parts)
