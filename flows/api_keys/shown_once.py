"""A key that was made just now, as the page shows it this once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flows.api.examples import curl, sample_inputs, start_in_shell
from flows.api_keys.limits import flows_by_id
from flows.language.document import DocumentError
from flows.models import Flow
from foundryflow.http import Request, base_address
from foundryflow.models import ApiKey, ApiScope
from foundryflow.models.api_key import date_words


@dataclass(frozen=True)
class ShownKey:
    """The text of the key is nowhere else. `call` names the environment variable that it is to be put in."""

    key: ApiKey
    text: str
    flows: str
    call: str

    @classmethod
    def of(cls, request: Request, key: ApiKey, text: str) -> ShownKey:
        flows = sorted(flows_by_id([key]).values(), key=lambda flow: flow.name)
        names = ", ".join(flow.name for flow in flows[:5]) + (f" and {len(flows) - 5} more" if len(flows) > 5 else "")
        return cls(key, text, "" if key.flow_ids is None else names, call_of(key, flows, base_address(request)))

    @property
    def may(self) -> str:
        until = f", until {date_words(self.key.expires_at)}" if self.key.expires_at else ""
        return f"{self.key.scope_labels}{f': {self.flows}' if self.flows else ''}{until}"


def call_of(key: ApiKey, flows: list[Flow], base: str) -> str:
    """A call that the key may make, the harmless ones first."""
    if ApiScope.USAGE in key.scopes:
        return curl(f"{base}/api/usage")
    if ApiScope.READ in key.scopes:
        return curl(f"{base}/api/flows")
    if ApiScope.RUN in key.scopes:
        flow = flows[0] if flows else Flow.objects.in_designer().exclude(head=None).order_by("-changed_at").first()
        return start_in_shell(f"{base}/api/flows/{flow.slug if flow else 'FLOW'}/run", inputs_of(flow))
    return curl(f"{base}/api/connections/NAME/test", body="'{}'")


def inputs_of(flow: Flow | None) -> dict[str, Any]:
    try:
        return sample_inputs(flow.called_revision.parsed().inputs) if flow else {}
    except DocumentError:
        return {}
