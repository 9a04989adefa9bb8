"""The only code that knows how a page is renewed in parts.

A region is an underscore partial with a stable id. Pages include it, swaps and server-sent events send it
again as `<hx-partial>`, and htmx morphs the element in place, so focus and what was typed stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django_htmx.http import HttpResponseClientRedirect

from foundryflow.http import Request


@dataclass(frozen=True, slots=True)
class Region:
    """A partial and where it belongs. `swap` is an htmx swap style; `delete` needs no partial."""

    template: str
    id: str
    context: Mapping[str, Any] = field(default_factory=dict)
    swap: str = "outerMorph"


MESSAGES = Region("_messages.html", "messages")  # what was said to the person since the last page


def page(request: HttpRequest, template: str, context: Mapping[str, Any], status: int = 200) -> HttpResponse:
    """A whole page. Nothing keeps it: the way back shows what is stored now, and nothing after signing out."""
    response = render(request, template, dict(context), status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


def regions(request: HttpRequest | None, *parts: Region, status: int = 200) -> HttpResponse:
    """One answer that renews several regions of the page that asked."""
    return HttpResponse("".join(partial(part, request) for part in parts), status=status)


def context_of(parts: Iterable[Region]) -> dict[str, Any]:
    """For the page that has all of them."""
    return {name: value for part in parts for name, value in part.context.items()}


def wants_regions(request: Request) -> bool:
    """Whether htmx asks for parts of the page that is there; the way back asks for all of it."""
    return bool(request.htmx) and not request.htmx.history_restore_request


def redirect_page(request: Request, address: str) -> HttpResponse:
    """A redirect that htmx follows as a whole page."""
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


def partial(part: Region, request: HttpRequest | None = None) -> SafeString:
    body = render_to_string(part.template, dict(part.context), request) if part.template else ""
    return envelope(part.id, part.swap, mark_safe(body))  # noqa: S308 - rendered by our own template


def element_id(path: str) -> str:
    """A path as a part of ids in HTML: safe, and stable."""
    return "".join(sign if sign.isalnum() or sign in "-_" else f"_{ord(sign):x}_" for sign in path)


def text(id: str, addition: str) -> SafeString:
    """Appends plain text to the element: the streaming answer."""
    return envelope(id, "beforeend", format_html("{}", addition))


def new_words(id: str, words: str) -> SafeString:
    """Plain text in place of what the element says: a number that goes up."""
    return envelope(id, "innerHTML", format_html("{}", words))


def envelope(id: str, swap: str, body: SafeString) -> SafeString:
    return format_html('<hx-partial hx-target="#{}" hx-swap="{}">{}</hx-partial>', id, swap, body)


def event(html: str, id: int | None = None, name: str | None = None) -> bytes:
    """One server-sent event; `id` is what the browser sends back as Last-Event-ID."""
    head = (f"event: {name}\n" if name else "") + (f"id: {id}\n" if id is not None else "")
    lines = "".join(f"data: {line}\n" for line in html.splitlines() or [""])
    return f"{head}{lines}\n".encode(errors="replace")
