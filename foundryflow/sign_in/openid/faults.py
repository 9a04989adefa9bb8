"""What may go wrong between this server and an identity provider."""

from __future__ import annotations


class ProviderFault(Exception):
    """Nobody gets in. The sentence is for the page, the reason for the log; neither holds a secret."""

    def __init__(self, sentence: str, reason: str, *, is_outage: bool = False) -> None:
        super().__init__(reason)
        self.sentence, self.reason = sentence, reason
        self.is_outage = is_outage  # trying again at once is of no use


class SignInRefused(Exception):
    """The provider vouches for somebody who may not come in. The sentence says why, and what to do."""

    def __init__(self, sentence: str, reason: str) -> None:
        super().__init__(reason)
        self.sentence, self.reason = sentence, reason


def unreachable(name: str, reason: str) -> ProviderFault:
    sentence = f"{name} cannot be reached from this server. Try again in a minute."
    return ProviderFault(sentence, reason, is_outage=True)


def nonsense(name: str, reason: str) -> ProviderFault:
    return ProviderFault(
        f"{name} answered something that this server does not understand. An administrator finds more in its log.",
        reason,
        is_outage=True,
    )


def untrusted(name: str, why: str) -> ProviderFault:
    return ProviderFault(
        f"The answer of {name} is not believed: {why}. Log in again; if it stays, tell an administrator.", why
    )
