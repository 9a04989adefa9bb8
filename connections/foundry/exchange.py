"""One call, from its first attempt to its answer: refusals that teach something change it, others may pass."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from connections.foundry.answers import AnswerContext, AttemptFailed, failure_of
from connections.foundry.auth import TokenSource, extra_header, identity_refusal, key_headers
from connections.foundry.backoff import RETRIED_KINDS, RetryPolicy, requested_delay
from connections.foundry.calls import FEATURES_HEADER, ModelCall, WireRequest
from connections.foundry.classify import MISSING_KEY, NOT_ON_THIS_SURFACE
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.keys import KeyWatch
from connections.foundry.lessons import API, ENDPOINT, Lesson, LessonMemory, change_of, learnt_way, lessons_from
from connections.foundry.masking import masker_of
from connections.foundry.routes import (
    Api,
    lesson_about_credentials,
    lesson_about_features,
    lesson_about_version,
    lessons_about_route,
)
from connections.foundry.told_limits import told_limits
from connections.foundry.transport import HttpAnswer, HttpTransport
from connections.foundry.values import Adapted, Target, Waited, Waiting

MOST_CHANGES = 12  # of one request, until it is taken or given up
RenewTarget = Callable[[Target], Awaitable[Target]]  # the same connection as it is now, for a call that has waited
ReadEvents = Callable[[HttpAnswer, AnswerContext, Api], AsyncGenerator[Any]]


@dataclass(frozen=True, slots=True)
class ExchangeServices:
    """What the exchanges of one client share."""

    transport: HttpTransport
    memory: LessonMemory
    tokens: TokenSource
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    keys: KeyWatch


class ModelExchange:
    """Sends one call until it is answered or given up. `read` makes events of an answer of status 200."""

    def __init__(
        self,
        services: ExchangeServices,
        call: ModelCall,
        read: ReadEvents,
        policy: RetryPolicy,
        renew: RenewTarget | None = None,
    ) -> None:
        self._services, self._call, self._read, self._policy = services, call, read, policy
        self._target, self._renew = call.target, renew  # with the key of this attempt
        self._lessons: list[Lesson] = []
        self._unproven: list[Lesson] = []  # other ways, remembered once they have led somewhere
        self._learnt: list[Lesson] = []  # by this call, until somebody is told
        self._refused: list[WireRequest] = []  # that are not sent again
        self._has_renewed_token = False  # at most once a call
        self._wants_fresh_token = False
        self._telling: AttemptFailed | None = None  # of what was said before something was changed

    async def events(self) -> AsyncGenerator[Any]:
        """Raises FoundryError."""
        started, attempt = self._services.clock(), 1
        self._lessons = list(await self._known_lessons())
        request = self._call.wire_request(self._lessons)
        while True:
            try:
                async with aclosing(self._send(request)) as events:
                    async for event in events:
                        if self._learnt:
                            yield Adapted(tuple(map(change_of, self._learnt)))
                            self._learnt.clear()
                        yield event
                if request.body is not None:  # a list of deployments answers nobody's question
                    self._services.keys.note_answer(self._target)
                await self._remember(*self._unproven)
                return
            except AttemptFailed as failure:
                if not failure.final and (changed := await self._next_request(request, failure.error)):
                    self._telling = most_telling(failure, self._telling)
                    request = changed
                    continue
                delay, error = self._delay(failure, attempt, started), failure.error
            until, most = self._services.clock() + delay, self._policy.attempts_after(error)
            yield Waiting(error.message, until, attempt, most, error.status, error.kind)
            await self._services.sleep(delay)
            yield Waited(delay, throttled=error.status == 429)
            # A key that was replaced meanwhile may not be valid any more.
            await self._renew_target()
            attempt += 1

    async def _renew_target(self) -> None:
        now = await self._renew(self._target) if self._renew else self._target
        if now.endpoint == self._target.endpoint:  # what was chosen for one host goes to no other
            self._target = now

    async def _send(self, request: WireRequest) -> AsyncGenerator[Any]:
        """The events of one attempt. Raises AttemptFailed."""
        url, endpoint = request.route.url, request.route.endpoint
        try:
            headers, token = await self._credentials(request)
            self._services.keys.note_use(self._target)
            masker = masker_of(*(secret.reveal() for secret in self._target.secrets), token)
            context = AnswerContext(url, self._call.model, endpoint.host, masker)
            method = "GET" if request.body is None else "POST"
            async with self._services.transport.send(method, url, headers, request.body) as answer:
                answer.mask_headers(masker)
                if told := told_limits(answer.headers):
                    self._services.keys.note_limits(self._target, self._call.model, told)
                if answer.status != 200:
                    raise await failure_of(answer, context)
                async with aclosing(self._read(answer, context, request.route.api)) as events:
                    async for event in events:
                        yield event
        except FoundryError as error:
            raise AttemptFailed(error, {}, final=False) from None

    async def _credentials(self, request: WireRequest) -> tuple[dict[str, str], str]:
        """The headers that say who calls, and the token among them."""
        target = self._target
        if target.identity is None:
            return {**request.headers, **key_headers(target, request.key_headers)}, ""
        if target.identity.is_own and not self._services.transport.trusts(target.endpoint):
            raise FoundryError(ErrorKind.BLOCKED_DESTINATION, *identity_refusal(target.endpoint))
        fresh, self._wants_fresh_token = self._wants_fresh_token, False
        token = await self._services.tokens.token(target.identity, request.scope, fresh=fresh)
        headers = {**request.headers, "Authorization": f"Bearer {token.reveal()}", **extra_header(target)}
        return headers, token.reveal()

    async def _next_request(self, request: WireRequest, error: FoundryError) -> WireRequest | None:
        """The request with what was refused changed, or None when nothing can be."""
        self._refused.append(request)
        if len(self._refused) > MOST_CHANGES:
            return None
        # Another call may have learnt the same in the meantime; then that is all this one needs.
        known = await self._known_lessons()
        self._lessons = [*known, *self._unproven]
        if changed := self._changed_request():
            return changed
        tried = self._unproven
        for way in self._lessons_about_way(request, error):
            self._unproven = with_way(tried, way)
            self._lessons = [*known, *self._unproven]
            if changed := self._changed_request():
                return changed
        self._unproven, self._lessons = tried, [*known, *tried]
        if learnt := lessons_from(error, dict(request.body or {}), self._lessons, self._services.clock()):
            await self._remember(*learnt)
            self._lessons += learnt
            self._learnt += learnt
            return self._changed_request()
        return request if self._renew_token(error) else None

    def _changed_request(self) -> WireRequest | None:
        """The request with the lessons of now; None when that was refused."""
        changed = self._call.wire_request(self._lessons)
        return None if changed in self._refused else changed

    def _lessons_about_way(self, request: WireRequest, error: FoundryError) -> Iterator[Lesson]:
        """Another API, path, version, audience or header of the key, or previews to ask for."""
        now, pasted = self._services.clock(), self._call.target.endpoint
        yield from lessons_about_route(request.route, pasted, self._call.model, error, now)
        version = lesson_about_version(request.headers.get("anthropic-version", ""), error, now)
        features = lesson_about_features(request.headers.get(FEATURES_HEADER, ""), error, now)
        credentials = lesson_about_credentials(
            error,
            request.route.endpoint,
            identity=self._call.target.identity is not None,
            scope=request.scope,
            tried_headers=[each.key_header for each in self._refused if each.route == request.route],
            now=now,
        )
        yield from filter(None, (version, features, credentials))

    def _renew_token(self, error: FoundryError) -> bool:
        """Asks for another token once: one may end early. Whether that is worth another attempt."""
        if error.kind is not ErrorKind.AUTH_TOKEN or error.status != 401 or self._call.target.identity is None:
            return False
        self._wants_fresh_token = not self._has_renewed_token
        self._has_renewed_token = True
        return self._wants_fresh_token

    async def _known_lessons(self) -> Sequence[Lesson]:
        return await self._services.memory.lessons(self._call.target.endpoint.url, self._call.model)

    async def _remember(self, *lessons: Lesson) -> None:
        for lesson in lessons:
            await self._services.memory.learn(self._call.target.endpoint.url, self._call.model, lesson)

    def _delay(self, failure: AttemptFailed, attempt: int, started: float) -> float:
        """Seconds until the next attempt; raises the error when there is none."""
        now, telling = self._services.clock(), most_telling(failure, self._telling)
        delay = None
        if not telling.final:
            delay = self._policy.delay(attempt, telling.error, telling.headers, now, now - started)
        if delay is None:
            raise error_with_delay(telling, now) from None
        return delay


def with_way(tried: Sequence[Lesson], way: Lesson) -> list[Lesson]:
    """The other ways that are tried, with one more. Which API is spoken was found out at another address, and which
    address on the other surface."""
    outdated = {way.parameter}
    if way.parameter == ENDPOINT:
        outdated.add(API)
    elif way.parameter == API and Api.MESSAGES in (way.instead, learnt_way(tried, API)):
        outdated.add(ENDPOINT)
    return [*(each for each in tried if each.parameter not in outdated), way]


NO_WAY = (
    *(ErrorKind.NOT_FOUND_DEPLOYMENT, ErrorKind.NOT_FOUND_ROUTE),
    *(ErrorKind.AUTH_KEY, ErrorKind.AUTH_TOKEN, ErrorKind.PERMISSION),
)


def most_telling(failure: AttemptFailed, first: AttemptFailed | None) -> AttemptFailed:
    """When another path was not there either, or no header was the right one, what was said first tells more; that a
    key is wrong tells more than that there was none. A deployment that is not there is not let in elsewhere either."""
    if first is None:
        return failure
    kinds = first.error.kind, failure.error.kind
    is_bearer_key = kinds == (ErrorKind.AUTH_KEY, ErrorKind.AUTH_TOKEN)
    is_elsewhere = kinds[0] is ErrorKind.NOT_FOUND_DEPLOYMENT and kinds[1] in NO_WAY
    is_none_of_both = kinds[1] is ErrorKind.NOT_FOUND_DEPLOYMENT and NOT_ON_THIS_SURFACE in first.error.raw.lower()
    if is_bearer_key or is_elsewhere or is_none_of_both:
        return first
    if failure.error.kind is not first.error.kind:
        return failure
    if failure.error.kind is ErrorKind.AUTH_KEY:
        return failure if first.error.message == MISSING_KEY else first
    return first if failure.error.kind is ErrorKind.NOT_FOUND_ROUTE else failure


def error_with_delay(failure: AttemptFailed, now: float) -> FoundryError:
    """The error, with the wait the service asks for when that is why nothing is tried again."""
    error, delay = failure.error, requested_delay(failure.headers, failure.error.raw, now)
    if error.kind in RETRIED_KINDS and delay is not None and delay >= 1:
        error.hint = f"The service asks to wait {delay:,.0f} s. {error.hint}"
    return error
