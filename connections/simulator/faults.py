"""Faults on demand, chosen by the name of the deployment; any other name answers.

Time
  slow-2s             the first word comes after two seconds
  hang                never answers
  hang-in-stream      falls silent in the middle of a stream
  fast...             no delay between words
  long-500            an answer of 500 words; fast-long-500 without a delay
  huge                an answer of 20 MiB
  huge-header         an answer with a header of 128 KiB
Refused for a while; a counter per name, that starts anew after the answer
  fail-429-2          429 with retry-after for the first two calls, then an answer
  fail-500-1          the same with 500 (any status from 400 to 599)
  rpm-60              60 requests a minute, really counted, in slices of a second
  retry-date          429 once, retry-after is a date; retry-date-3 three times, and so for all of these
  retry-text          429 without headers, only the text says when
  retry-ms-only       429 with retry-after-ms alone
  retry-s-only        429 with retry-after alone
  retry-garbage       429 with headers that make no sense
  retry-zero          429 with headers that say zero
  retry-limits        429 without retry-after, x-ratelimit-remaining-requests is -1
Always refused
  quota               429 that asks to wait a day; quota-text says so in the text alone
  rate-limit-reached  429 with this code and no header; so are rate-limit-exceeded and too-many-requests
  no-capacity         429 NoCapacity
  insufficient-quota  429 insufficient_quota, which no waiting mends
  content-filter      400, the prompt is blocked; filtered-prompt-no-inner does not say why
  budget-spent        400, the tokens went into thoughts
  too-long            400 context_length_exceeded
  bad-key             401, whatever the key; bad-token in the words for tokens
  no-role             401, the identity lacks the role; no-data-action in other words
  no-keys             403, the resource accepts no keys
  firewall            403, a network rule; private-endpoint another one; blocked for abuse
  not-found           404 DeploymentNotFound; not-found-empty without a body
  no-chat             400 OperationNotSupported to chat; answers on Responses
  no-responses        400 model not supported on Responses; answers to chat
  error-string        {"error": "text"}; error-message, error-code, error-detail, error-detail-list and error-object
                      are the other forms of errors
  error-empty         500 without a body
  no-backend          500, the service was not let in by whoever serves the model
  html                502 with a web page, as gateways send; html-ok the same with 200
  bad-json            200 with something that is not JSON
  redirect            307 to another host
  drop                closes the connection without an answer
Embeddings; every fault above refuses them, too
  text-embedding...   makes them, and refuses to chat; text-embedding-ada... and no-dimensions... take no dimensions
  gpt-..., claude-..., no-embeddings...   make none
  no-vectors          200 without vectors; fewer-vectors one vector less than inputs
Refuses parameters
  reasoning...        max_tokens, temperature, top_p, penalties and logprobs, as reasoning models do; 64 tokens of
                      thoughts count as made
  deepseek...         refuses nothing, thinks aloud: reasoning_content, or <think> on /models
  old...              max_completion_tokens and stream_options, as old api-versions do
  no-schema...        response_format json_schema; takes json_object without a word of JSON
  no-format...        response_format of any type, without naming it
  no-stop             stop
  no-reasoning-effort reasoning_effort, by value
  no-stream-options   stream_options, in the words of compatible servers
Claude: claude... answers at /anthropic alone, gpt-... and the like do not answer there; all others do on both
  claude-budget       refuses adaptive thinking and an effort; so do claude-sonnet-4-5 and claude-haiku-4-5
  claude-adaptive     refuses a budget for thoughts, temperature, top_p; so do claude-opus-4-7 and later
  claude-no-format    refuses a JSON schema
  claude...           all refuse temperature beside top_p, and more tokens than they can make
  claude-pause        pauses its turn once, until that comes back; claude-pause-always each time
  claude-window       stops because the window of the context is full
  claude-new-events   streams an event that nobody knows
Sends the key back that came with the request; any key is taken there
  echo-key-text       in the answer, in pieces of three characters when it streams; echo-key-fields in its other fields
  echo-key-error      in every part of a 400; echo-key-late far behind its beginning; echo-key-html in a 502
  echo-key-header     in the headers of an answer; echo-key-stream in an error after some words
  ...-FORM            all of these in another form: capitals, escaped, percent, partly, quoted, html, hex, base64,
                      base64-1, base64-2, base64url, basic, bearer; such as echo-key-text-base64-1
Odd answers
  filtered-answer     200, the answer ends with finish_reason content_filter
  filter-down         200, the filter did not work and says so
  refusal             200, the model refuses to answer
  empty               200 with an empty answer
  length              200, cut at its token limit
  json                200 with a JSON object as the answer
  ...misfit...        asked for JSON of a schema, an answer that does not fit it until it is asked to correct one
  ...misfit-always... one that never does
  ...fenced...        JSON in a code fence; any other name answers a sample that fits
  no-usage            no count of tokens
  response-failed     Responses: 200, status failed
  response-incomplete Responses: 200, status incomplete; chat: finish_reason length
Odd streams
  cut-stream          ends in the middle of the answer
  cut-in-word         the same in the middle of a line
  drop-in-stream      the connection breaks in the middle of the answer
  error-in-stream     reports an error after some words; event-error with a line event: error before it
  late-filter         a filter annotation without delta follows the chunk that finishes; late-block blocks there
  usage-on-finish     the usage comes with the chunk that finishes
  held-open           the connection stays open after [DONE]
  after-done          something follows [DONE]; Responses end with a [DONE]
  crlf, cr            other ends of lines
  split-bytes         each byte comes alone, of an emoji too
  comments            comments, id: and retry: lines between the events
  multi-data          several data: lines for one event
  no-blank            data: without a blank
  one-burst           everything in one chunk
Projects in lists of deployments
  paged, endless, elsewhere   nextLink goes on, goes round, goes to another host
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from connections.simulator.fixed_refusals import (
    FIXED_REFUSALS,
    MISSING_API,
    NO_CHAT_MODEL,
    NO_DEPLOYMENT,
    NO_EMBEDDINGS_MODEL,
)
from connections.simulator.listings import CATALOGUE
from connections.simulator.parameter_refusals import parameter_refusal
from connections.simulator.rate_limits import RETRIES, RateLimiter, plain_headers, retry_of, temporary_refusal
from connections.simulator.refusals import SimulatedRefusal

CHAT_ONLY = ("gpt-", "claude-", "no-embeddings")  # beginnings of deployments that make no embeddings


class Faults:
    """Knows how often each failing deployment has been called, and how fast."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._calls: Counter[str] = Counter()
        self._rates: dict[str, RateLimiter] = {}

    def of_deployment(self, deployment: str, operation: str) -> tuple[dict[str, str], SimulatedRefusal | None]:
        """Headers that belong on the answer, and the refusal if there is one."""
        if found := re.fullmatch(r"rpm-(\d{1,6})", deployment):
            rate = self._rates.setdefault(deployment, RateLimiter(int(found[1]), self._clock))
            return rate.take()
        return {}, fixed_refusal(deployment, operation) or self._counted(deployment)

    def _counted(self, deployment: str) -> SimulatedRefusal | None:
        if found := re.fullmatch(r"fail-([45]\d\d)-(\d{1,6})", deployment):
            status, times = int(found[1]), int(found[2])
            headers = plain_headers() if status == 429 else {}
        elif retry := retry_of(deployment):
            status, times, headers = 429, retry[1], RETRIES[retry[0]]()
        else:
            return None
        self._calls[deployment] += 1
        if self._calls[deployment] > times:
            # The next run sees the fault again.
            self._calls[deployment] = 0
            return None
        return temporary_refusal(status, headers)

    def of_parameters(self, deployment: str, body: dict[str, Any]) -> SimulatedRefusal | None:
        return parameter_refusal(deployment, body)


def fixed_refusal(deployment: str, operation: str) -> SimulatedRefusal | None:
    if deployment in CATALOGUE:
        return NO_DEPLOYMENT
    if deployment.startswith("text-embedding") and operation in ("chat/completions", "responses"):
        return NO_CHAT_MODEL
    if deployment.startswith(CHAT_ONLY) and operation == "embeddings":
        return NO_EMBEDDINGS_MODEL
    return FIXED_REFUSALS.get(deployment) or MISSING_API.get((deployment, operation))


def first_delay(deployment: str) -> float:
    """Seconds before the answer begins."""
    found = re.fullmatch(r"slow-(\d+(?:\.\d+)?)s", deployment)
    return min(float(found[1]), 120.0) if found else 0.0


def word_count(deployment: str) -> int | None:
    found = re.fullmatch(r"(?:fast-)?long-(\d{1,9})", deployment)
    return min(int(found[1]), 20_000) if found else None
