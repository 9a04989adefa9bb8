"""`python manage.py flow list|import|export|lint|delete|run`."""

from __future__ import annotations

import asyncio
import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from flows.catalog import files
from flows.catalog.deletion import reasons_to_keep
from flows.engine import configuration, deletion, embedded
from flows.language.document import Document, DocumentError, parse
from flows.lint import linter
from flows.management.run_inputs import InputReader
from flows.models import ActionRun, Flow, Run, State
from flows.models.audited import flow_subject, imported_words, of_flow, run_subject
from flows.models.run import LONGEST_CUSTOMER
from flows.models.run_counts import runs_in_all
from foundryflow.audit.record import COMMAND, record
from foundryflow.database.waiting import retry_while_away
from foundryflow.management.keyed import KeyedCommand

ABOUT_RUN = (
    "Runs a flow and prints its output. Secret inputs come from standard input, a line for each, or are asked for "
    "without echo on a terminal: everybody on this machine can read the arguments of a process."
)


def add_run_arguments(run: ArgumentParser) -> None:
    run.add_argument("slug")
    run.add_argument("--input", default="{}", help="inputs as a JSON object; - reads it from standard input")
    run.add_argument(
        "--secret", action="append", default=[], metavar="NAME",
        help="read this secret input from standard input, in the order given and before the JSON of --input -; "
        "required ones are read without being named",
    )  # fmt: skip
    run.add_argument("--customer", default="", help="a label, for whom: usage is counted by it")
    run.add_argument("--anyway", action="store_true", help="run a flow that has configuration errors, too")
    run.add_argument("--json", action="store_true", help="print run, state, output and actions as JSON")


class Command(KeyedCommand):
    help = "Lists, imports, exports, checks and runs flows."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", help="every flow").add_argument("--json", action="store_true")
        verbs.add_parser("import", help="create a flow from a file, or add a revision").add_argument("file")
        export = verbs.add_parser("export", help="print the document of a flow")
        export.add_argument("slug")
        export.add_argument("--output", help="write to this file instead")
        verbs.add_parser("lint", help="print the problems of a flow file").add_argument("file")
        delete = verbs.add_parser("delete", help="delete a flow with its revisions and runs")
        delete.add_argument("slug")
        delete.add_argument("--yes", action="store_true", help="do not ask")
        add_run_arguments(verbs.add_parser("run", help="run a flow and print its output", description=ABOUT_RUN))

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        getattr(self, f"{verb}_verb")(**options)

    def list_verb(self, *, json: bool, **options: Any) -> None:
        rows = [
            {"slug": flow.slug, "name": flow.name, "revision": flow.current.number}
            for flow in Flow.objects.in_designer().select_related("head").order_by("slug")
        ]
        if json:
            self.print_json(rows)
        else:
            for row in rows:
                self.stdout.write(f"{row['slug']}  r{row['revision']}  {row['name']}")

    def import_verb(self, *, file: str, **options: Any) -> None:
        try:
            with transaction.atomic():
                flow, created = files.import_flow(read_file(file), by=None)
                record(COMMAND, "imported", flow_subject(flow), imported_words(flow, created))
        except DocumentError as error:
            raise CommandError(
                "Nothing was imported.\n" + "\n".join(f"  {problem}" for problem in error.problems)
            ) from None
        words = "created" if created else f"now at revision {flow.current.number}"
        self.stdout.write(f"{flow.slug} {words}")
        for problem in configuration.problems_of(flow.current.parsed(), flow):
            self.stderr.write(describe(problem))

    def export_verb(self, *, slug: str, output: str | None, **options: Any) -> None:
        flow = find(slug)
        text = files.export_text(flow.current.document)
        record(COMMAND, "exported", flow_subject(flow), f"as JSON, r{flow.current.number}")
        if output:
            Path(output).write_text(text)
        else:
            self.stdout.write(text, ending="")

    def lint_verb(self, *, file: str, **options: Any) -> None:
        try:
            found = configuration.problems_of(parse(files.parse_json(read_file(file))))
        except DocumentError as error:
            raise CommandError("\n".join(error.problems)) from None
        for problem in found:
            self.stdout.write(describe(problem))
        errors = sum(1 for problem in found if problem.severity == "error")
        if errors:
            raise CommandError(f"{errors} error{'s' if errors > 1 else ''}.")
        self.stdout.write(
            "Nothing to correct." if not found else f"{len(found)} warning{'s' if len(found) > 1 else ''}."
        )

    def delete_verb(self, *, slug: str, yes: bool, **options: Any) -> None:
        flow = find(slug)
        if reasons := reasons_to_keep(flow):
            raise CommandError("\n".join(["Nothing was deleted.", *(f"  {reason}" for reason in reasons)]))
        if not yes:
            if not sys.stdin.isatty():
                raise CommandError("Nothing was deleted. Say --yes where nobody can be asked.")
            runs = runs_in_all([flow.pk])[flow.pk]
            if input(f"Delete {flow.name} with its revisions and {runs} runs? [y/N] ").lower() != "y":
                raise CommandError("Nothing was deleted.")
        with transaction.atomic():
            subject = flow_subject(flow)
            flow.remove()
            record(COMMAND, "deleted", subject, "with its runs")
        deletion.delete_all()
        self.stdout.write(f"{slug} deleted")

    def run_verb(
        self, *, slug: str, input: str, secret: list[str], customer: str, anyway: bool, json: bool, **options: Any
    ) -> None:
        flow = find(slug)
        if len(customer) > LONGEST_CUSTOMER:
            raise CommandError(f"The label of a customer has at most {LONGEST_CUSTOMER} characters.")
        document = runnable_document(flow, anyway=anyway)
        inputs = InputReader(document, self.stderr).read(input, secret)
        run = retry_while_away(partial(start_recorded, flow, inputs, customer))
        try:
            asyncio.run(embedded.run_here(run))
        except KeyboardInterrupt:
            run.request_cancel(by="command line")
        run.refresh_from_db()
        if json:
            self.print_json(run_result(run))
        else:
            self.print_outcome(run)
        if run.state != State.SUCCEEDED:
            sys.exit(1)

    def print_outcome(self, run: Run) -> None:
        if run.state == State.SUCCEEDED:
            output = run.output
            self.stdout.write(output if isinstance(output, str) else to_json(output))
            return
        error = run.error or {}
        where = f" at {error['path']}" if error.get("path") else ""
        self.stderr.write(
            f"Run {run.pk} {run.state}{where}: {error.get('message', '')} {error.get('hint', '')}".rstrip()
        )

    def print_json(self, value: Any) -> None:
        self.stdout.write(to_json(value))


@transaction.atomic
def start_recorded(flow: Flow, inputs: Mapping[str, Any], customer: str) -> Run:
    run = Run.objects.start(flow=flow, inputs=inputs, by=None, via="command line", customer=customer)
    record(COMMAND, "started", run_subject(run), of_flow(flow))
    return run


def to_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def find(slug: str) -> Flow:
    flow = Flow.objects.in_designer().select_related("head").filter(slug=slug).first()
    if flow is None:
        known = ", ".join(Flow.objects.in_designer().order_by("slug").values_list("slug", flat=True)[:20]) or "none yet"
        raise CommandError(f"There is no flow {slug!r}. Known flows: {known}.")
    return flow


def runnable_document(flow: Flow, *, anyway: bool) -> Document:
    """What is to be run. Raises CommandError when it has configuration errors, unless it is to run `anyway`."""
    try:
        document = flow.current.parsed()
        errors = configuration.errors_before_run(configuration.head_of(flow))
    except DocumentError as error:
        raise CommandError("The flow cannot be read.\n" + "\n".join(error.problems)) from None
    if errors and not anyway:
        lines = [describe(problem) for problem in errors]
        hint = f"{flow.slug} has configuration errors. Correct them, or say --anyway."
        raise CommandError("\n".join([*lines, hint]))
    return document


def read_file(path: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None


def describe(problem: linter.Problem) -> str:
    where = ".".join(part for part in (problem.action_id, problem.property) if part)
    return f"{problem.severity}: {where + ': ' if where else ''}{problem.message}"


def run_result(run: Run) -> dict[str, Any]:
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
