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
from flows.catalog.files import FlowFormat, ImportOutcome
from flows.engine import configuration, deletion, embedded
from flows.language.document import Document, DocumentError, parse
from flows.lint import linter
from flows.management import flow_files
from flows.management.flow_files import ImportedFlow
from flows.management.run_inputs import InputReader
from flows.models import ActionRun, Flow, Run, State
from flows.models.audited import flow_subject, of_flow, run_subject
from flows.models.run import LONGEST_CUSTOMER
from flows.models.run_counts import runs_in_all
from foundryflow.audit.record import COMMAND, record
from foundryflow.database.waiting import retry_while_away
from foundryflow.management.keyed import KeyedCommand

OUTCOMES = {
    ImportOutcome.CREATED: "created",
    ImportOutcome.REVISED: "now at revision {number}",
    ImportOutcome.UNCHANGED: "unchanged",
}
ABOUT_RUN = (
    "Runs a flow and prints its output. Secret inputs come from standard input, a line for each, or are asked for "
    "without echo on a terminal: everybody on this machine can read the arguments of a process."
)
ABOUT_IMPORT = (
    "Creates a flow from a file, JSON or YAML, or adds a revision to the one of that name. In a directory the name of "
    "each file is the slug of its flow; all of its files are imported, or none, and a flow that says the same already "
    "is left as it is. Secrets that are filled in here are kept."
)


def add_export_arguments(export: ArgumentParser) -> None:
    export.add_argument("slug", nargs="?", help="of the flow; with --all none")
    export.add_argument("--output", help="write to this file instead; its ending says the format")
    export.add_argument(
        "--all", metavar="DIR", help="every flow, as a file of this directory that is named by its slug"
    )
    export.add_argument("--format", choices=list(FlowFormat), help="json, or yaml, which --all writes")


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
        importing = verbs.add_parser(
            "import", help="create a flow from a file, or add a revision", description=ABOUT_IMPORT
        )
        importing.add_argument(
            "file", help="JSON or YAML, - for standard input, or a directory with a file for each flow"
        )
        add_export_arguments(verbs.add_parser("export", help="print the document of a flow, or write all of them"))
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
        if file != "-" and Path(file).is_dir():
            imported = flow_files.import_directory(Path(file))
        else:
            imported = [import_file(file)]
        for each in imported:
            number = each.flow.current.number
            self.stdout.write(f"{each.flow.slug} {OUTCOMES[each.outcome].format(number=number)}")
            for problem in configuration.problems_of(each.flow.current.parsed(), each.flow):
                self.stderr.write(f"{each.flow.slug}: {describe(problem)}" if len(imported) > 1 else describe(problem))

    def export_verb(
        self, *, slug: str | None, output: str | None, all: str | None, format: str | None, **options: Any
    ) -> None:
        if bool(slug) == bool(all):
            raise CommandError("Say which flow, or --all DIR.")
        if all:
            self.export_all(all, FlowFormat(format or FlowFormat.YAML))
            return
        flow, format = find(slug or ""), FlowFormat(format or ending_of(output or ""))
        if output:
            flow_files.write_flow(flow, flow.current, Path(output), format)
            return
        text = files.export_text(flow.current.document, format)
        record(COMMAND, "exported", flow_subject(flow), f"as {format.name}, r{flow.current.number}")
        self.stdout.write(text, ending="")

    def export_all(self, path: str, format: FlowFormat) -> None:
        directory = flow_files.create_directory(path)
        flows = list(Flow.objects.in_designer().exclude(head=None).select_related("head").order_by("slug"))
        written = [
            flow_files.write_flow(flow, flow.current, directory / f"{flow.slug}.{format}", format) for flow in flows
        ]
        same = f", {len(flows) - sum(written)} unchanged" if sum(written) < len(flows) else ""
        self.stdout.write(f"{sum(written)} written to {path}{same}")

    def lint_verb(self, *, file: str, **options: Any) -> None:
        try:
            found = configuration.problems_of(parse(files.parse_file(read_file(file))))
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


@transaction.atomic
def import_file(path: str) -> ImportedFlow:
    """Raises CommandError."""
    try:
        return flow_files.import_content(read_file(path))
    except DocumentError as error:
        problems = "\n".join(f"  {problem}" for problem in error.problems)
        raise CommandError(f"Nothing was imported.\n{problems}") from None


def ending_of(path: str) -> FlowFormat:
    return FlowFormat.YAML if path.endswith((".yaml", ".yml")) else FlowFormat.JSON


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
