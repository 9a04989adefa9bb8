"""C#: the retired Azure AI Inference SDK."""

from __future__ import annotations

from flows.playground.code_writers.call_plan import KEY, CallPlan
from flows.playground.code_writers.choices import WrittenCode
from flows.playground.code_writers.csharp import (
    CSharpProgram,
    assignment,
    block,
    environment,
    message,
    number,
    quote,
    raw_string,
    stop_sequences,
    text_literal,
)
from flows.playground.code_writers.typed_body import MessageImage, MessageTurn, typed_body

PROPERTIES = {
    "temperature": "Temperature",
    "top_p": "NucleusSamplingFactor",
    "frequency_penalty": "FrequencyPenalty",
    "presence_penalty": "PresencePenalty",
    "max_tokens": "MaxTokens",
    "seed": "Seed",
}


def write_inference(plan: CallPlan) -> WrittenCode:
    found = typed_body(plan, (*PROPERTIES, "stop"))
    given = [f"Model = {quote(plan.body['model'])},"] if "model" in plan.body else []
    given.append(block("Messages =", "{}", map(inference_message, found.turns), 1))
    given += [f"{PROPERTIES[name]} = {number(value)}," for name, value in found.known.items() if name != "stop"]
    if found.stop_texts:
        given.append(stop_sequences(found.stop_texts))
    extras = dict(found.others)
    if "stream_options" in plan.body:
        extras["stream_options"] = plan.body["stream_options"]
    set_extras = [
        f"options.AdditionalProperties[{quote(name)}] = BinaryData.FromString({raw_string(value, 1)});"
        for name, value in extras.items()
    ]
    code = CSharpProgram(plan, "Azure.AI.Inference --prerelease")
    code.uses("Azure.AI.Inference")
    code.add(inference_client(plan, code))
    code.add("\n".join([assignment("ChatCompletionsOptions options = new()", given), *set_extras]))
    code.add(INFERENCE_STREAM if plan.streams else INFERENCE_WHOLE)
    return code.write()


def inference_client(plan: CallPlan, code: CSharpProgram) -> str:
    credential, before = f"new AzureKeyCredential({environment(KEY)}!)", ""
    if plan.entra:
        code.uses("Azure.Core", "Azure.Core.Pipeline")
        credential = "credential,\n    clientOptions"
        before = f"""\
DefaultAzureCredential credential = new();
AzureAIInferenceClientOptions clientOptions = new();
clientOptions.AddPolicy(
    new BearerTokenAuthenticationPolicy(credential, [{quote(plan.scope)}]),
    HttpPipelinePosition.PerRetry);
"""
    else:
        code.uses("Azure")
    return f"{before}ChatCompletionsClient client = new(\n    new Uri({quote(plan.address.base)}),\n    {credential});"


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
    return message(f"new ChatRequest{turn.role.capitalize()}Message", turn, inference_part, 3)


def inference_part(part: str | MessageImage, depth: int) -> str:
    if isinstance(part, str):
        return f"new ChatMessageTextContentItem({text_literal(part, depth)})"
    return f"new ChatMessageImageContentItem(new Uri({quote(part.url)}))"
