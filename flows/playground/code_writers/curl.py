"""curl in a POSIX shell. The body is a here-document, in which nothing means anything to the shell."""

from __future__ import annotations

import re
import shlex

from flows.playground.code_writers.call_plan import TOKEN, CallPlan, SentHeader
from flows.playground.code_writers.choices import WrittenCode
from flows.playground.code_writers.lines import json_text

PLAIN = re.compile(r"[\w\-./:%?=&,~@+ ]*", re.ASCII)  # what means itself between double quotes


def quote(text: str) -> str:
    return f'"{text}"' if PLAIN.fullmatch(text) else shlex.quote(text)


def header_flag(header: SentHeader) -> str:
    start = f"{header.name}: {header.text}"
    if not header.variable:
        return f"-H {quote(start)}"
    plain = PLAIN.fullmatch(start)
    return f'-H "{start}${header.variable}"' if plain else f'-H {shlex.quote(start)}"${header.variable}"'


def write_rest(plan: CallPlan) -> WrittenCode:
    flags = "--no-buffer " * plan.streams + "--globoff " * ("[" in plan.url)
    lines = [
        f"curl {flags}{quote(plan.url)}",
        '-H "Content-Type: application/json"',
        *map(header_flag, plan.rest_headers),
        "-d @- <<'JSON'",
    ]
    loaded = "set -a; . ./.env; set +a\n\n" if plan.choice.env_file and plan.env_names else ""
    token = f'{TOKEN}="$({plan.token_command})"\n\n' if plan.entra else ""
    return WrittenCode(f"{loaded}{token}{f' {chr(92)}{chr(10)}  '.join(lines)}\n{json_text(plan.body)}\nJSON\n", "")
