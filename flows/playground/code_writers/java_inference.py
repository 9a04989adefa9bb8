"""Java: the retired Azure AI Inference SDK."""

from __future__ import annotations

from flows.playground.code_writers.call_plan import KEY, CallPlan
from flows.playground.code_writers.choices import SnippetRefusal, WrittenCode
from flows.playground.code_writers.java import (
    INDENT,
    JavaProgram,
    environment,
    install,
    number,
    quote,
    text_literal,
)
from flows.playground.code_writers.typed_body import MessageTurn, TypedBody, typed_body

INFERENCE = "com.azure.ai.inference"
SETTERS = {
    "temperature": "setTemperature",
    "top_p": "setTopP",
    "frequency_penalty": "setFrequencyPenalty",
    "presence_penalty": "setPresencePenalty",
    "max_tokens": "setMaxTokens",
    "seed": "setSeed",
}
NO_USAGE = "This SDK does not ask for the usage at the end of a stream."


def write_inference(plan: CallPlan) -> WrittenCode:
    found = typed_body(plan, (*SETTERS, "stop"))
    if found.others:
        what = ", ".join(found.others)
        raise SnippetRefusal(f"The Azure AI Inference SDK for Java has no {what}. Choose the OpenAI SDK or REST.")
    code = JavaProgram()
    code.uses("java.util", "List")
    code.uses(INFERENCE, "ChatCompletionsClient", "ChatCompletionsClientBuilder")
    code.uses(f"{INFERENCE}.models", "ChatCompletionsOptions", "ChatRequestMessage")
    code.add(
        "ChatCompletionsClient client = new ChatCompletionsClientBuilder()",
        f"    .endpoint({quote(plan.address.base)})",
        *inference_credential(plan, code),
        "    .buildClient();",
        "",
        "List<ChatRequestMessage> messages = List.of(",
        ",\n".join(
            f"{'' if not at else INDENT * 2}    {inference_message(turn, code)}" for at, turn in enumerate(found.turns)
        )
        + ");",
        *inference_options(plan, found),
        "",
        *(INFERENCE_STREAM if plan.streams else INFERENCE_WHOLE),
    )
    packages = ["com.azure:azure-ai-inference", *(["com.azure:azure-identity"] if plan.entra else [])]
    notes = (NO_USAGE,) if "stream_options" in plan.body else ()
    return code.write(install(packages, "+"), notes)


def inference_credential(plan: CallPlan, code: JavaProgram) -> list[str]:
    if not plan.entra:
        code.uses("com.azure.core.credential", "AzureKeyCredential")
        return [f"    .credential(new AzureKeyCredential({environment(KEY)}))"]
    # The scope that the builder has is for serverless endpoints alone.
    code.uses("com.azure.core.http.policy", "BearerTokenAuthenticationPolicy")
    code.uses("com.azure.identity", "DefaultAzureCredentialBuilder")
    return [
        "    .addPolicy(new BearerTokenAuthenticationPolicy(",
        f"        new DefaultAzureCredentialBuilder().build(), {quote(plan.scope)}))",
    ]


def inference_message(turn: MessageTurn, code: JavaProgram) -> str:
    name = f"ChatRequest{turn.role.capitalize()}Message"
    code.uses(f"{INFERENCE}.models", name)
    if turn.text is not None:
        text = text_literal(turn.text, 4)
        return f"{name}.fromString({text})" if turn.role == "user" else f"new {name}({text})"
    code.uses(f"{INFERENCE}.models", "ChatMessageImageContentItem", "ChatMessageImageUrl", "ChatMessageTextContentItem")
    parts = ",\n".join(
        f"{INDENT * 4}new ChatMessageTextContentItem({text_literal(part, 5)})"
        if isinstance(part, str)
        else f"{INDENT * 4}new ChatMessageImageContentItem(new ChatMessageImageUrl({text_literal(part.url, 5)}))"
        for part in turn.parts
    )
    return f"{name}.fromContentItems(List.of(\n{parts}))"


def inference_options(plan: CallPlan, found: TypedBody) -> list[str]:
    calls = [f".setModel({quote(str(plan.body['model']))})"] if "model" in plan.body else []
    for name, value in found.known.items():
        if name == "stop":
            calls.append(f".setStop(List.of({', '.join(map(quote, found.stop_texts))}))")
        else:
            calls.append(f".{SETTERS[name]}({number(value, name)})")
    start = "ChatCompletionsOptions options = new ChatCompletionsOptions(messages)"
    return [start, *(f"    {call}" for call in calls[:-1]), f"    {calls[-1]};"] if calls else [f"{start};"]


INFERENCE_STREAM = (
    "client.completeStream(options).stream()",
    "    .flatMap(update -> update.getChoices().stream())",
    "    .map(choice -> choice.getDelta().getContent())",
    "    .filter(text -> text != null)",
    "    .forEach(System.out::print);",
)
INFERENCE_WHOLE = ("System.out.println(client.complete(options).getChoice().getMessage().getContent());",)
