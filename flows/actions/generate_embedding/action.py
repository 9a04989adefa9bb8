"""Texts in, vectors out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from connections.foundry.embeddings import makes_none
from connections.foundry.errors import FoundryError
from connections.foundry.values import (
    Adapted,
    EmbeddingRequest,
    Embeddings,
    Spilled,
    Target,
    Usage,
    Waited,
    Waiting,
)
from flows.actions.base import ActionType, Group, Result, Step
from flows.actions.model_call import (
    ConnectionProperties,
    Timings,
    call_error,
    choose_connection,
    facts_of_target,
    report_call_event,
)
from flows.language.errors import ActionError
from flows.language.shape import NUMBER, TEXT, Shape, object_shape
from flows.language.values import Response, as_text
from flows.properties.deployment import deployment
from flows.properties.new_variable import result_variable
from flows.properties.number import number
from flows.properties.text import text
from flows.properties.value import value

TEXTS_A_CALL = 256
MOST_TEXTS = 2_048
MOST_NUMBERS = 1_000_000  # of all vectors together
NOT_EMBEDDED = "secrets can't be embedded"
VECTOR = Shape("list", item=NUMBER)


def embedding_shape(properties: Mapping[str, Any]) -> Shape:
    return object_shape(
        vector=VECTOR,
        vectors=Shape("list", item=VECTOR),
        dimensions=NUMBER,
        model=TEXT,
        usage=object_shape(prompt_tokens=NUMBER, total_tokens=NUMBER),
    )


@dataclass(frozen=True)
class Properties(ConnectionProperties):
    model: str = deployment(
        "Model",
        of="connection",
        embeds=True,
        required=True,
        hint="Deployment name of an embeddings model.",
        on_card=True,
    )
    input: Any = value(
        "Input",
        required=True,
        hint="A text, or a list of texts such as {{ chunks }}.",
        no_secrets=NOT_EMBEDDED,
        keeps_json=True,
        rows=3,
        on_card=True,
    )
    dimensions: int | None = number(
        "Dimensions",
        minimum=1,
        maximum=10_000,
        whole=True,
        empty="those of the model",
        hint="Where the model can make fewer.",
        advanced=True,
    )
    user: str | None = text("User", empty="not sent", hint="Passed on for abuse monitoring.", advanced=True)
    result_variable_name: str = result_variable("embedding", type="object", shape=embedding_shape)


@dataclass
class MadeVectors:
    """What the calls have given so far."""

    vectors: list[tuple[float, ...]] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    model: str | None = None
    last: Embeddings | None = None

    def add(self, answer: Embeddings) -> None:
        self.vectors += answer.vectors
        self.usage, self.model, self.last = self.usage + answer.usage, answer.model, answer

    @property
    def counts(self) -> dict[str, int]:
        estimated = self.usage.estimated_tokens
        counted = {"prompt_tokens": self.usage.prompt_tokens, "total_tokens": self.usage.total_tokens}
        return {**counted, "estimated_tokens": estimated} if estimated else counted


class GenerateEmbedding(ActionType):
    type = "generate_embedding"
    title = "Generate embedding"
    purpose = "texts in, vectors out"
    group = Group.AZURE
    calls_model = True
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        texts = texts_of(properties.input)
        target, reason = await choose_connection(properties, step)
        model, timings, made, facts = properties.model.strip(), Timings(), MadeVectors(), step.facts
        facts.update(facts_of_target(target, reason, model), texts=len(texts))
        if properties.dynamic_connection:
            facts["connection_variable"] = properties.dynamic_connection
        try:
            for at in range(0, len(texts), TEXTS_A_CALL):
                asked = texts[at : at + TEXTS_A_CALL]
                request = EmbeddingRequest(model, asked, properties.dimensions, user=properties.user or None)
                await add_vectors(target, request, step, made)
                facts["usage"] = made.counts  # tokens are spent, whatever comes of the rest
                refuse_wrong_answer(target, made, at + len(asked), len(texts))
        except FoundryError as error:
            known = {**facts, "total_ms": timings.facts()["total_ms"]}
            raise call_error(target, makes_none(error, model), known) from None
        facts.update(facts_of_answer(made), total_ms=timings.facts()["total_ms"])
        result = value_of(made)
        return Result(
            output={
                "text": f"{len(texts):,} vector{'s' if len(texts) > 1 else ''} of {result['dimensions']:,} numbers",
                "model": made.model,
                "usage": made.counts,
            },
            variables={properties.result_variable_name: result},
            usage=made.counts,
            facts=dict(facts),
        )


def texts_of(given: Any) -> list[str]:
    """Raises ActionError."""
    listed = list(given) if isinstance(given, list | tuple) else [given]
    texts = [as_text(each) if isinstance(each, str | int | float | Response) else None for each in listed]
    wrong = next((at for at, each in enumerate(texts, 1) if each is None or not each.strip()), None)
    if not texts or wrong is not None:
        what = "Input is an empty list." if not texts else f"Input: text {wrong} is empty, or is no text."
        raise ActionError("input", what, "Give a text, or a list of texts that are not empty.")
    if len(texts) > MOST_TEXTS:
        sentence = f"Input has {len(texts):,} texts; at most {MOST_TEXTS:,} are embedded at once."
        raise ActionError("input", sentence, "Split the list with batch, and embed each part in a loop.")
    return [text for text in texts if text is not None]


async def add_vectors(target: Target, request: EmbeddingRequest, step: Step, made: MadeVectors) -> None:
    """One call. Raises FoundryError."""
    async with aclosing(step.services.embeddings.embedding_events(target, request)) as events:
        async for event in events:
            match event:
                case Waiting() | Adapted() | Waited() | Spilled():
                    await report_call_event(event, target, request.model, step)
                case Embeddings():
                    made.add(event)


def refuse_wrong_answer(target: Target, made: MadeVectors, asked: int, most: int) -> None:
    """Raises ActionError when vectors are missing, or all together would be too many numbers."""
    if len(made.vectors) != asked or not all(made.vectors):
        raise ActionError(
            "protocol", f"{target.name} gave {len(made.vectors):,} vectors for {asked:,} texts.", "Try again."
        )
    if len(made.vectors[0]) * most > MOST_NUMBERS:
        raise ActionError(
            "too_large",
            f"{most:,} vectors of {len(made.vectors[0]):,} numbers are more than {MOST_NUMBERS:,} numbers.",
            "Embed fewer texts at once, or set Dimensions.",
        )


def facts_of_answer(made: MadeVectors) -> dict[str, Any]:
    last = made.last
    if last is None:
        return {}
    return {"model": last.model, "url": last.url, "status": last.status, "request_id": last.request_id}


def value_of(made: MadeVectors) -> dict[str, Any]:
    vectors: Sequence[list[float]] = [list(vector) for vector in made.vectors]
    return {
        "vector": vectors[0],
        "vectors": vectors,
        "dimensions": len(vectors[0]),
        "model": made.model,
        "usage": made.counts,
    }
