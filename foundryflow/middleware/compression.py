"""What goes over the wire smaller than it is."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers

SMALLEST = 1_000  # bytes of a page; what is smaller fits into a packet as it is
READABLE = re.compile(r"text/|application/(javascript|json|xml)\b|image/svg\b")
# Who asks from here, or typed the address; older browsers, and those that ask by http, do not say it.
OF_OUR_OWN = ("same-origin", "none", "")


class CompressedPages(GZipMiddleware):
    """Pages as gzip. Event streams and other answers that come bit by bit stay as they are.

    So does what another site makes a browser ask for: it could choose a part of the page and guess the rest of it from
    its length (BREACH). Tokens are masked anew in each page, and Django pads each by a random number of bytes.
    """

    async_capable = False  # stands among middleware in a thread: no switch of threads for it

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not isinstance(response, HttpResponse) or not READABLE.match(response.headers.get("Content-Type", "")):
            return response
        if len(response.content) < SMALLEST:
            return response
        patch_vary_headers(response, ["Accept-Encoding"])
        is_ours = request.headers.get("Sec-Fetch-Site", "") in OF_OUR_OWN
        return super().process_response(request, response) if is_ours and accepts(request, "gzip") else response


def accepts(request: HttpRequest, coding: str) -> bool:
    """Whether the header names this coding of content, and not with the weight zero."""
    for each in request.headers.get("Accept-Encoding", "").lower().split(","):
        name, _, weight = each.partition(";")
        if name.strip() == coding:
            return re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight) is None
    return False
