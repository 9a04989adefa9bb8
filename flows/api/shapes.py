"""What the API takes and gives, as its OpenAPI document says it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Header, Path, Query, Schema
from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from flows.models.usage_search import DATE
from foundryflow.http import HIGHEST_ID
from foundryflow.strict_json import JsonError, check_values, deeper_than

DEEPEST = 200  # lists and objects inside each other
TEXT = r"^[^\x00]*$"  # no database keeps a NUL character
RevisionName = Literal["published", "draft"]
RunState = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]


def check_storable(value: Any) -> Any:
    """The value itself, when every database takes it. Raises PydanticCustomError."""
    try:
        if deeper_than(value, DEEPEST):
            raise JsonError(f"has lists and objects that lie more than {DEEPEST} deep in each other")
        check_values(value)
    except JsonError as error:
        raise PydanticCustomError("storable", f"It {error.what}.") from None
    return value


Text = Annotated[str, AfterValidator(check_storable), Field(json_schema_extra={"pattern": TEXT})]
# Ninja cannot refer to what is no model: the document is completed with these.
ANY_VALUE = {"$ref": "#/components/schemas/Value"}
VALUES: dict[str, Any] = {"type": "object", "propertyNames": {"pattern": TEXT}, "additionalProperties": ANY_VALUE}
VALUE = {
    "title": "Value",
    "description": "Any JSON, its texts without NUL characters.",
    "anyOf": [
        {"type": "null"},
        {"type": "boolean"},
        {"type": "number"},
        {"type": "string", "pattern": TEXT},
        {"type": "array", "items": ANY_VALUE},
        VALUES,
    ],
}
HAS_VALUES = "x-values"  # marks where VALUES stands
Inputs = Annotated[dict[str, Any], AfterValidator(check_storable), WithJsonSchema({HAS_VALUES: True})]

FlowSlug = Annotated[str, Path(..., max_length=100, pattern="^[-a-zA-Z0-9_]+$")]
RunId = Annotated[int, Path(..., ge=0, le=HIGHEST_ID)]
ConnectionName = Annotated[str, Path(..., min_length=1, pattern=r"^[^\x00/]+$")]
EventNumber = Annotated[int, Query(..., ge=0, le=HIGHEST_ID)]
SlugFilter = Annotated[str, Query(..., max_length=100, pattern="^[-a-zA-Z0-9_]*$")]
CustomerFilter = Annotated[str, Query(..., max_length=200, pattern=TEXT)]
StateFilter = Annotated[RunState | Literal[""], Query(...)]
WhichRevision = Annotated[
    RevisionName,
    Query(..., description="`draft` runs what is edited; a flow that was never published runs its draft anyway."),
]
Seconds = Annotated[float, Query(..., ge=0, allow_inf_nan=False, description="At most 300.")]
IdempotencyKey = Annotated[
    str,
    Header(
        ..., alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^\S(.*\S)?$",
        description="An equal request with this key gives the same run, another one 409.",
    ),
]  # fmt: skip
NO_KEY: Any = None  # when none came; a type with None would describe the header as one that may be null
LastEvent = Annotated[
    int, Header(..., alias="Last-Event-ID", ge=0, le=HIGHEST_ID, description="Goes on behind this event.")
]


DAY = f"^({DATE})?$"
UsageName = Annotated[str, Field(max_length=255, pattern=TEXT)]


class UsageQuestion(Schema):
    """What of usage is asked for."""

    period: Literal["today", "7d", "30d", "month", "last-month"] = Field("month", description="By UTC.")
    first: str = Field("", alias="from", pattern=DAY, description="With `to` instead of a period.")
    last: str = Field("", alias="to", pattern=DAY, description="At most 366 days from the first one.")
    connection: UsageName = ""
    customer: UsageName = ""
    deployment: UsageName = ""
    flow: str = Field("", max_length=100, pattern="^[-a-zA-Z0-9_]*$")
    group: Literal["customer", "connection", "deployment", "flow"] = "customer"
    step: Literal["", "hours", "days"] = Field("", description="Hours of at most 7 days.")


class RequestBody(Schema):
    """What a call brings: a text is no number, and neither is a truth."""

    model_config = ConfigDict(strict=True)


class FlowInput(Schema):
    """As the flow declares it."""

    model_config = ConfigDict(extra="allow")
    name: str
    type: str = "text"


class FlowEntry(Schema):
    slug: str
    name: str
    revision: int = Field(description="The one that calls run: the published one, or the draft while there is none.")
    published: bool = Field(description="Whether it is published. If not, every edit is at once what calls run.")
    draft: int = Field(description="The revision that is edited; `?revision=draft` runs it.")
    inputs: list[FlowInput] = Field(description="Of `revision`.")
    changed_at: datetime


class FlowList(Schema):
    flows: list[FlowEntry]


class RunUsage(Schema):
    """With what its subflows have used, which their own runs say, too."""

    prompt_tokens: int
    completion_tokens: int


class RunEntry(Schema):
    id: int
    flow: str = Field(description="Slug of the flow.")
    revision: int
    published: bool = Field(description="Whether that was the published revision when the run was started.")
    state: RunState
    parent: int | None = Field(description="The run that started this one as a subflow.")
    customer: str | None = Field(description="The label that the run was started with.")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    usage: RunUsage


class RunList(Schema):
    runs: list[RunEntry]


class ActionEntry(Schema):
    """One execution of one action, secrets masked."""

    path: str
    id: str
    type: str
    title: str
    state: Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled", "skipped"]
    output: Any
    error: dict[str, Any] | None
    usage: dict[str, Any] | None = Field(description="Of a container or a subflow: of all that is inside.")
    warning: str
    reason: str = Field(description="Why it was skipped, or what it waits for.")
    started_at: datetime | None
    ended_at: datetime | None
    waits_until: datetime | None
    refused: list[dict[str, Any]] = Field(description="Tries that were refused: number, most, status, kind, message.")


class LogLine(Schema):
    event: int
    at: datetime
    path: str
    level: str
    message: str


class RunDetail(RunEntry):
    """A run with everything it did, secrets masked."""

    notice: str = Field(description="A sentence, where the draft ran because its flow was never published; else empty.")
    inputs: dict[str, Any]
    output: Any
    error: dict[str, Any] | None
    actions: list[ActionEntry]
    log: list[LogLine] = Field(description="At most 500 lines.")
    cursor: int = Field(description="Where the next lines of the log begin: give it as `after`.")


class UsageCounts(Schema):
    """Of calls of models. Tokens that were cached are among those of prompts, reasoning among those of completions."""

    calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    errors: int = Field(description="Calls that failed.")
    throttled: int = Field(description="Answers of status 429.")
    waited_ms: int = Field(description="For limits, and until another try.")
    unpriced: int = Field(description="Calls of models that the price table does not know.")
    costs: dict[str, str] = Field(description="Decimal amounts by currency.")


class UsageOfGroup(UsageCounts):
    name: str = Field(description="Empty where calls have none.")


class UsageOfPart(UsageCounts):
    begins: datetime


class UsageReport(Schema):
    begins: datetime
    ends: datetime = Field(description="The first moment behind the period.")
    group: str
    step: Literal["hour", "day", "month"]
    total: UsageCounts
    rows: list[UsageOfGroup] = Field(description="The dearest first.")
    parts: list[UsageOfPart] = Field(description="By time, also those without calls.")


class Accepted(Schema):
    """A run that goes on, and where to look."""

    run: int
    url: str


class TestedError(Schema):
    kind: str
    message: str
    hint: str


class TriedAddress(Schema):
    url: str
    status: int | None
    said: str | None


class ConnectionCheck(Schema):
    """What came of one tiny prompt, or of signing in to a database or a vault."""

    ok: bool
    status: int | None
    url: str
    model: str | None
    latency_ms: float | None
    usage: dict[str, int | None]
    error: TestedError | None
    wrong: str | None
    tried: list[TriedAddress]
    better: str | None
    deployments: list[str] | None


class ProblemDetail(Schema):
    """RFC 9457. Other members say more: `kind` of an error, `run` that a key was used for, `errors` one by one."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    detail: str
    kind: str = Field("", description="Of the error, where it has one.")
    errors: list[Any] = Field([], description="Each with its `message`, and `where` it is.")
