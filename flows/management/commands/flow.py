"""`python manage.py flow list|import|export|lint|run`."""

from __future__ import annotations

import asyncio
import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connections.clients import identity_troubles
from connections.models import Connection
from flows import lint, portable
from flows.document import DocumentError, parse
from flows.engine import embedded
from flows.models import ActionRun, Flow, Run, State


class Command(BaseCommand):
    help = "Lists, imports, exports, checks and runs flows."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", help="every flow").add_argument("--json", action="store_true")
        verbs.add_parser("import", help="create a flow from a file, or add a revision").add_argument("file")
        export = verbs.add_parser("export", help="print the document of a flow")
        export.add_argument("slug")
        export.add_argument("--output", help="write to this file instead")
        check = verbs.add_parser("lint", help="print the problems of a flow file")
        check.add_argument("file")
        run = verbs.add_parser("run", help="run a flow and print its output")
        run.add_argument("slug")
        run.add_argument("--input", default="{}", help="inputs as a JSON object; - reads them from standard input")
        run.add_argument("--json", action="store_true", help="print run, state, output and actions as JSON")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        getattr(self, f"{verb}_verb")(**options)

    def list_verb(self, *, json: bool, **options: Any) -> None:
        rows = [
            {"slug": flow.slug, "name": flow.name, "revision": flow.current.number}
            for flow in Flow.objects.edited().select_related("head").order_by("slug")
        ]
        if json:
            self.print_json(rows)
        else:
            for row in rows:
                self.stdout.write(f"{row['slug']}  r{row['revision']}  {row['name']}")

    def import_verb(self, *, file: str, **options: Any) -> None:
        try:
            flow, created = portable.bring_in(read_file(file), by=None)
        except DocumentError as error:
            raise CommandError(
                "Nothing was imported.\n" + "\n".join(f"  {problem}" for problem in error.problems)
            ) from None
        words = "created" if created else f"now at revision {flow.current.number}"
        self.stdout.write(f"{flow.slug} {words}")
        for problem in problems_of(flow.current.document, flow):
            self.stderr.write(described(problem))

    def export_verb(self, *, slug: str, output: str | None, **options: Any) -> None:
        text = portable.written(find(slug).current.document)
        if output:
            Path(output).write_text(text)
        else:
            self.stdout.write(text, ending="")

    def lint_verb(self, *, file: str, **options: Any) -> None:
        try:
            found = problems_of(portable.read(read_file(file)))
        except DocumentError as error:
            raise CommandError("\n".join(error.problems)) from None
        for problem in found:
            self.stdout.write(described(problem))
        errors = sum(1 for problem in found if problem.severity == "error")
        if errors:
            raise CommandError(f"{errors} error{'s' if errors > 1 else ''}.")
        self.stdout.write(
            "Nothing to correct." if not found else f"{len(found)} warning{'s' if len(found) > 1 else ''}."
        )

    def run_verb(self, *, slug: str, input: str, json: bool, **options: Any) -> None:
        flow = find(slug)
        inputs = read_inputs(sys.stdin.read() if input == "-" else input)
        try:
            run = Run.objects.start(flow=flow, inputs=inputs, by=None, via="command line")
        except DocumentError as error:
            raise CommandError("The flow cannot be read.\n" + "\n".join(error.problems)) from None
        try:
            asyncio.run(embedded.run_here(run))
        except KeyboardInterrupt:
            run.request_cancel(by="command line")
        run.refresh_from_db()
        if json:
            self.print_json(result(run))
        else:
            self.print_outcome(run)
        if run.state != State.SUCCEEDED:
            sys.exit(1)

    def print_outcome(self, run: Run) -> None:
        if run.state == State.SUCCEEDED:
            output = run.output
            self.stdout.write(output if isinstance(output, str) else dumped(output))
            return
        error = run.error or {}
        where = f" at {error['path']}" if error.get("path") else ""
        self.stderr.write(
            f"Run {run.pk} {run.state}{where}: {error.get('message', '')} {error.get('hint', '')}".rstrip()
        )

    def print_json(self, value: Any) -> None:
        self.stdout.write(dumped(value))


def dumped(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def find(slug: str) -> Flow:
    flow = Flow.objects.edited().select_related("head").filter(slug=slug).first()
    if flow is None:
        known = ", ".join(Flow.objects.edited().order_by("slug").values_list("slug", flat=True)[:20]) or "none yet"
        raise CommandError(f"There is no flow {slug!r}. Known flows: {known}.")
    return flow


def read_file(path: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None


def read_inputs(text: str) -> dict[str, Any]:
    try:
        inputs = json.loads(text)
    except json.JSONDecodeError as error:
        raise CommandError(f"--input is not JSON: {error.msg} at character {error.pos}.") from None
    if not isinstance(inputs, dict):
        raise CommandError('--input must be a JSON object, such as {"question": "..."}.')
    return inputs


def problems_of(data: Any, flow: Flow | None = None) -> list[lint.Problem]:
    """Of a file, or of a stored flow, whose secrets are known."""
    secrets = set(flow.secrets.values_list("key", flat=True)) if flow else None
    names = set(Connection.objects.values_list("name", flat=True))
    return lint.problems(parse(data), connections=names, secrets=secrets, troubles=identity_troubles())


def described(problem: lint.Problem) -> str:
    where = ".".join(part for part in (problem.action_id, problem.property) if part)
    return f"{problem.severity}: {where + ': ' if where else ''}{problem.message}"


def result(run: Run) -> dict[str, Any]:
    """What `--json` prints; secrets are masked, as in everything stored of a run."""
    return {
        "run": run.pk,
        "state": run.state,
        "output": run.output,
        "error": run.error,
        "actions": [action_result(record) for record in run.actions.all()],
    }


def action_result(record: ActionRun) -> dict[str, Any]:
    milliseconds = record.milliseconds
    used = {
        "name": record.facts.get("connection"),
        "reason": record.facts.get("connection_reason"),
        "host": record.facts.get("host"),
        "key_fingerprint": record.facts.get("key_fingerprint"),
    }
    return {
        "path": record.path,
        "type": record.type,
        "state": record.state,
        "ms": None if milliseconds is None else round(milliseconds, 1),
        "usage": record.usage,
        "connection": used if used["name"] or used["host"] else None,
        "error": record.error,
    }
