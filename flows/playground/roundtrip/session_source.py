"""What goes from a session into a flow: one column's settings, and the prompt it asked last or is about to ask."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from flows.playground.chat.branch import prompt_of
from flows.playground.models import Answer, Session, Turn
from flows.playground.roundtrip.merge import PromptSettings
from flows.playground.setup import Setup
from flows.playground.variables import values_of

TURN, DRAFT = "turn", "draft"  # where the prompt comes from


@dataclass(frozen=True)
class SessionSource:
    """`column` and `prompt_from` as somebody chose them; what is not there falls back to the likeliest."""

    session: Session
    wanted_column: int | None = None
    wanted_prompt: str = ""

    @cached_property
    def newest(self) -> Turn | None:
        """The end of the branch that is shown, without its images."""
        head = self.session.head_id
        return Turn.objects.defer("images").filter(pk=head).first() if head else None

    @cached_property
    def answers(self) -> list[Answer]:
        """Those of the newest turn that count in its conversation."""
        found = self.newest
        return list(found.answers.filter(chosen=True).defer("text", "html", "facts")) if found else []

    @cached_property
    def turn(self) -> Turn | None:
        """The newest turn that was asked here; earlier messages of a run were not."""
        asked = any(answer.setup for answer in self.answers) or not self.answers
        return self.newest if asked else None

    @property
    def columns(self) -> list[tuple[int, Setup]]:
        return list(enumerate(self.session.active_setups))

    @cached_property
    def column(self) -> int:
        """The chosen one, else the winner, else the first."""
        there = [number for number, _ in self.columns]
        won = [answer.column for answer in self.answers if answer.winner]
        return next((number for number in (self.wanted_column, *won) if number in there), 0)

    @property
    def is_winner(self) -> bool:
        return any(answer.winner and answer.column == self.column for answer in self.answers)

    @property
    def setup(self) -> Setup:
        return self.session.setup_of(self.column)

    @property
    def draft(self) -> str:
        own = self.session.active_columns[self.column].get("prompt") if self.column else None
        return str(own or self.session.draft)

    @property
    def prompt_from(self) -> str:
        if self.turn is None:
            return DRAFT
        return DRAFT if self.wanted_prompt == DRAFT and self.draft.strip() else TURN

    @property
    def has_choice(self) -> bool:
        return self.turn is not None and bool(self.draft.strip())

    @property
    def prompt(self) -> str:
        if self.turn is None or self.prompt_from == DRAFT:
            return self.draft
        return prompt_of(self.turn, self.column)

    @property
    def changed_since(self) -> bool:
        """Whether the settings are others than those of the answer."""
        asked = [answer.setup for answer in self.answers if answer.column == self.column and answer.setup]
        return bool(self.turn and asked) and Setup.from_json(asked[0]).as_sent != self.setup.as_sent

    @cached_property
    def settings(self) -> PromptSettings:
        setup, prompt = self.setup, self.prompt
        typed = {name: str(value) for name, value in self.session.variables.items()}
        return PromptSettings(setup, prompt, values_of([*setup.templates(), prompt], typed))
