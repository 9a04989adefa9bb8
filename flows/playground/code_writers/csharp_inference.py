"""C#: the retired Azure AI Inference SDK."""

from __future__ import annotations

from flows.playground.code_writers.call_plan import KEY, CallPlan
from flows.playground.code_writers.choices import WrittenCode
from flows.playground.code_writers.csharp import (
    INDENT,
    assignment,
    draft,
    environment,
    indented_block,
    number,
    quote,
    raw,
    text_literal,
)
from flows.playground.code_writers.typed_body import MessageTurn, typed_body

PROPERTIES = {
    "temperature": "Temperature",
    "top_p": "NucleusSamplingFactor",
    "frequency_penalty": "FrequencyPenalty",
    "presence_penalty": "PresencePenalty",
    "max_tokens": "MaxTokens",
    "seed": "Seed",
}


def inference(plan: CallPlan) -> WrittenCode:
    found = typed_body(plan, (*PROPERTIES, "stop"))
    given = [f"Model = {quote(plan.body['model'])},"] if "model" in plan.body else []
    given.append(indented_block("Messages =", "{}", [inference_message(turn) for turn in found.turns]))
    given += [f"{PROPERTIES[name]} = {number(value)}," for name, value in found.known.items() if name != "stop"]
    if stop := found.known.get("stop"):
        texts = [stop] if isinstance(stop, str) else stop
        given.append(f"StopSequences = {{ {', '.join(quote(text) for text in texts)} }},")
    extras = dict(found.others)
    if "stream_options" in plan.body:
        extras["stream_options"] = plan.body["stream_options"]
    set_extras = [
        f"options.AdditionalProperties[{quote(name)}] = BinaryData.FromString({raw(value, 1)});"
        for name, value in extras.items()
    ]
    usings = ["Azure", "Azure.AI.Inference"]
    arguments = [f"new Uri({quote(plan.address.base)})", f"new AzureKeyCredential({environment(KEY)}!)"]
    clients = ""
    if plan.entra:
        usings = ["Azure.AI.Inference", "Azure.Core", "Azure.Core.Pipeline"]
        arguments[1:] = ["credential", "clientOptions"]
        clients = f"""\
DefaultAzureCredential credential = new();
AzureAIInferenceClientOptions clientOptions = new();
clientOptions.AddPolicy(
    new BearerTokenAuthenticationPolicy(credential, [{quote(plan.scope)}]),
    HttpPipelinePosition.PerRetry);
"""
    client = clients + "ChatCompletionsClient client = new(\n    " + ",\n    ".join(arguments) + ");"
    return draft(
        plan,
        usings,
        [],
        ["Azure.AI.Inference --prerelease"],
        client,
        "\n".join([assignment("ChatCompletionsOptions options = new()", given), *set_extras]),
        INFERENCE_STREAM if found.streams else INFERENCE_WHOLE,
    )


INFERENCE_STREAM = """\
StreamingResponse<StreamingChatCompletionsUpdate> response = await client.CompleteStreamingAsync(options);
await foreach (StreamingChatCompletionsUpdate update in response)
{
    Console.Write(update.ContentUpdate);
}"""
INFERENCE_WHOLE = """\
Response<ChatCompletions> response = await client.CompleteAsync(options);
Console.WriteLine(response.Value.Content);"""


def inference_message(turn: MessageTurn) -> str:
    name = f"new ChatRequest{turn.role.capitalize()}Message("
    if turn.text is not None:
        return f"{name}{text_literal(turn.text, 3)})"
    parts = [
        f"new ChatMessageTextContentItem({text_literal(part, 4)})"
        if isinstance(part, str)
        else f"new ChatMessageImageContentItem(new Uri({quote(part.url)}))"
        for part in turn.parts
    ]
    inner = INDENT * 3
    return f"{name}\n{inner}" + f",\n{inner}".join(parts) + ")"
