"""curl in a POSIX shell. The body is a here-document, in which nothing means anything to the shell."""

from __future__ import annotations

import re
import shlex

from flows.playground.code_writers.call_plan import TOKEN, CallPlan
from flows.playground.code_writers.choices import WrittenCode
from flows.playground.code_writers.lines import json_text

PLAIN = re.compile(r"[\w\-./:%?=&,~@+ ]*", re.ASCII)  # what means itself between double quotes


def quote(text: str) -> str:
    return f'"{text}"' if PLAIN.fullmatch(text) else shlex.quote(text)


def header(name: str, before: str, variable: str) -> str:
    start = f"{name}: {before}"
    return f'-H "{start}${variable}"' if PLAIN.fullmatch(start) else f'-H {shlex.quote(start)}"${variable}"'


def rest(plan: CallPlan) -> WrittenCode:
    flags = "--no-buffer " * plan.streams + "--globoff " * ("[" in plan.url)
    lines = [
        f"curl {flags}{quote(plan.url)}",
        '-H "Content-Type: application/json"',
        *(header(name, before, plan.secret_name) for name, before in plan.rest_headers),
        *(f"-H {quote(f'{name}: {given}')}" for name, given in plan.headers.items()),
    ]
    if plan.extra:
        lines.append(header(plan.extra.name, "", plan.extra_name))
    lines.append("-d @- <<'JSON'")
    loaded = "set -a; . ./.env; set +a\n\n" if plan.choice.env_file and plan.env_names else ""
    token = f'{TOKEN}="$({plan.token_command})"\n\n' if plan.entra else ""
    return WrittenCode(f"{loaded}{token}{f' {chr(92)}{chr(10)}  '.join(lines)}\n{json_text(plan.body)}\nJSON\n", "")
