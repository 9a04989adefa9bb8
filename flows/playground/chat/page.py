"""What the page around the talk shows: its bar, the settings on the left, the composer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from connections.models import Connection
from flows.actions.chat_completion.action import PARAMETERS
from flows.playground.chat.branch import Tree, conversation
from flows.playground.chat.comparison import ColumnView, column_views, locks_of
from flows.playground.chat.costs import Prices
from flows.playground.chat.figures import ColumnFigures, column_figures
from flows.playground.chat.forms import VARIABLE, ParameterField, ParametersForm, variables_of
from flows.playground.chat.refusals import Refused, refusals_of, refused_by_columns
from flows.playground.chat.talk import Talk, talk_of
from flows.playground.models import Session
from flows.playground.setup import WINDOW, Setup, tokens_of
from flows.pricing.table import known_prices
from foundryflow.names import may_change

MOST_RECENT = 8
MORE = (
    *("seed", "stop", "frequency_penalty", "presence_penalty"),
    *("reasoning_summary", "top_logprobs", "service_tier", "extra_parameters"),
)
FORM = ("response_format", "schema", "repair")  # of the answer


@dataclass(frozen=True)
class VariableField:
    name: str
    value: str
    structured: bool
    problem: str = ""

    @property
    def field(self) -> str:
        return f"{VARIABLE}{self.name}"

    @property
    def many(self) -> bool:
        return self.structured or "\n" in self.value or len(self.value) > 40


@dataclass
class SessionPage:
    """Everything that the page is made of."""

    session: Session
    user: User
    view: str = "chat"
    problems: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)  # what was posted and could not be understood
    edited: Sequence[str] = ()  # former questions, as they stand in their fields
    connections: Sequence[Connection] = field(default_factory=list)
    talk: Talk = field(default_factory=lambda: Talk([]))
    prices: Prices = ()

    @property
    def can_edit(self) -> bool:
        return may_change(self.user, self.session)

    @property
    def saved_label(self) -> str:
        if self.problems:
            return "Not saved: see the marked fields"
        return f"Saved {timezone.localtime(self.session.changed_at):%H:%M}"

    @property
    def setup(self) -> Setup:
        return Setup.from_json(self.session.setup)

    @property
    def chosen_connection(self) -> Connection | None:
        return next((each for each in self.connections if each.name == self.setup.connection), None)

    @property
    def parameters(self) -> list[ParameterField]:
        return [each for each in self.fields if each.parameter not in (*MORE, *FORM)]

    @property
    def more_parameters(self) -> list[ParameterField]:
        return [each for each in self.fields if each.parameter in MORE]

    @property
    def response_format(self) -> list[ParameterField]:
        return [each for name in FORM for each in self.fields if each.parameter == name]

    @property
    def parameters_set(self) -> int:
        return len(self.setup.parameters)

    @property
    def more_set(self) -> int:
        return sum(name in self.setup.parameters for name in MORE)

    @property
    def variables(self) -> list[VariableField]:
        values = self.session.variables
        return [
            VariableField(name, str(values.get(name, "")), structured, self.problems.get(f"{VARIABLE}{name}", ""))
            for name, structured in variables_of(self.session, self.edited).items()
        ]

    @property
    def examples(self) -> list[tuple[int, str, str]]:
        return [(at, example.user, example.assistant) for at, example in enumerate(self.setup.examples)]

    @property
    def window_fields(self) -> list[tuple[str, str, int | None, str, str]]:
        """How much of the conversation is sent: name, label, value, what empty means and what is wrong."""
        setup, problems = self.setup, self.problems
        return [
            (name, label, getattr(setup, name), empty, problems.get(name, ""))
            for name, label, empty in (
                ("history_messages", "Newest messages", "all"),
                ("history_tokens", "Tokens, about", "no limit"),
            )
        ]

    @property
    def has_window_problem(self) -> bool:
        return any(name in self.problems for name in WINDOW)

    @property
    def history_label(self) -> str:
        return history_label(self.session)

    @property
    def draft_placeholder(self) -> str:
        """What the empty field of the next question says."""
        if not self.session.comparing:
            return "Ask something…"
        if not self.locks["prompt"]:
            return "Ask A…"
        return "Ask both…" if len(self.columns) == 2 else "Ask all…"

    @property
    def columns(self) -> list[ColumnView]:
        return column_views(self.session, self.refusals_by_column)

    @property
    def figures(self) -> list[ColumnFigures]:
        return column_figures(self.session, self.prices)

    @property
    def locks(self) -> dict[str, bool]:
        return locks_of(self.session)

    @property
    def recent_sessions(self) -> list[Session]:
        own = Session.objects.filter(owner=self.user).exclude(pk=self.session.pk)
        return list(own.only("pk", "name")[:MOST_RECENT])

    @cached_property
    def refusals_by_column(self) -> list[Refused]:
        return refused_by_columns(self.session, self.connections)

    @cached_property
    def fields(self) -> list[ParameterField]:
        """The parameters on the left, which are those of all columns that have none of their own."""
        shown = {**ParametersForm.shown_values(self.setup.parameters), **self.typed}
        columns = enumerate(zip(self.session.active_columns, self.refusals_by_column, strict=True))
        refused = {number: found for number, (own, found) in columns if "parameters" not in own}
        return [
            ParameterField(
                name,
                name,
                f"setup-{name}",
                shown.get(name, ""),
                self.problems.get(name, ""),
                refusals_of(name, refused),
            )
            for name in (*PARAMETERS, "schema")
        ]

    @property
    def all_fields(self) -> list[ParameterField]:
        """Of all parameters that the page shows."""
        own = self.columns if self.session.comparing else []
        return [*self.fields, *(field for column in own for field in column.fields)]


def session_page(session: Session, user: User, *, before: int | None = None, **more: Any) -> SessionPage:
    prices = known_prices()
    return page_without_talk(session, user, talk=talk_of(session, prices, before=before), prices=prices, **more)


def page_without_talk(session: Session, user: User, **more: Any) -> SessionPage:
    """The page without its talk, for what stands around it."""
    return SessionPage(
        session, user, connections=list(Connection.objects.foundry().only("name", "endpoint", "kind")), **more
    )


def history_label(session: Session) -> str:
    """ "4 messages, about 884 tokens": what the next question would send beside itself."""
    path = Tree.of(session).path(session.head_id)
    sent = session.setup_of(0).newest_in_window(conversation(session, 0, path, images=False))
    if not sent:
        return "nothing yet" if not path else "nothing"
    return f"{len(sent)} message{'' if len(sent) == 1 else 's'}, about {sum(map(tokens_of, sent)):,} tokens"
