"""Files for spreadsheets, and text that goes into them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from django.http import StreamingHttpResponse
from django.utils import timezone

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what makes a formula of a cell


def harmless(text: str) -> str:
    """With an apostrophe before what a spreadsheet would calculate."""
    return f"'{text}" if text.startswith(FORMULA) else text


def csv_download(kind: str, pieces: AsyncIterator[bytes]) -> StreamingHttpResponse:
    """A file that has what it holds and this minute in its name. No cache keeps it."""
    name = f"{kind}-{timezone.localtime():%Y-%m-%d-%H%M}.csv"
    return StreamingHttpResponse(
        pieces,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )
