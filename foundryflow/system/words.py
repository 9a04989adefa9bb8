"""Moments, spans and sizes as the System page says them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from foundryflow.templatetags.ui import day

UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def size_words(number: float) -> str:
    """1.9 GB, 142 MB."""
    for size, unit in UNITS:
        if abs(number) >= size:
            amount = number / size
            return f"{amount:.1f} {unit}" if abs(amount) < 10 else f"{amount:,.0f} {unit}"
    return f"{number:.0f} bytes"


def span_words(span: timedelta) -> str:
    """12 s, 15:31, 2:04:10, 3 days."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3_600:
        return f"{seconds // 60}:{seconds % 60:02}"
    if seconds < 86_400:
        return f"{seconds // 3_600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    days = seconds // 86_400
    return f"{days} day{'s' if days > 1 else ''}"


def second_words(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 60 else span_words(timedelta(seconds=seconds))


def clock_words(at: datetime, *, seconds: bool = False) -> str:
    """13:52:10 of today; of other days with the day."""
    here, now = timezone.localtime(at), timezone.localtime()
    time = f"{here:%H:%M:%S}" if seconds else f"{here:%H:%M}"
    return time if here.date() == now.date() else f"{day_words(at)} {time}"


def day_words(at: datetime) -> str:
    """today, yesterday, 26 Nov, 26 Nov 2025."""
    here, now = timezone.localtime(at), timezone.localtime()
    days = (now.date() - here.date()).days
    if days in (0, 1):
        return "yesterday" if days else "today"
    return day(at)
