"""`python manage.py flow list|import|export|publish|lint|delete|run`."""

from __future__ import annotations

import asyncio
import json
import sys
from argparse import ArgumentParser, Namespace
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
from flows.management import flow_files
from flows.management.flow_files import ImportedFlow
from flows.management.flow_publishing import DRAFT, PUBLISHED, describe, publish_all, revision_of, unpublished_flows
from flows.management.run_inputs import InputReader
from flows.models import ActionRun, Flow, Revision, Run, State
from flows.models.audit import flow_subject, of_flow, run_subject
from flows.models.run import LONGEST_CUSTOMER
from flows.models.run_counts import runs_in_all
from foundryflow.audit.record import COMMAND, record
from foundryflow.database.waiting import retry_while_away
from foundryflow.management.key_checks import KeyedCommand

ABOUT_PUBLISH = (
    "Publishes the draft of flows, or one revision of a flow, which is also the way back to an earlier one. All of the "
    "flows are published or, if one of them has configuration errors, none."
)
WITH_ALL = "with --all the numbers of flows differ, so that it takes no number"
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
    export.add_argument("--revision", default=DRAFT, help=f"draft, as without it, published, or a number; {WITH_ALL}")
    export.add_argument("--format", choices=list(FlowFormat), help="json, or yaml, which --all writes")


def add_publish_arguments(publish: ArgumentParser) -> None:
    publish.add_argument("slug", nargs="*", help="of the flows")
    publish.add_argument("--all", action="store_true", help="every flow whose draft is not published")
    publish.add_argument("--revision", default=DRAFT, help="its number; without it the draft")
    publish.add_argument("--note", default="", help="what is new, for the list of revisions")


def add_run_arguments(run: ArgumentParser) -> None:
    run.add_argument("slug")
    run.add_argument("--input", default="{}", help="inputs as a JSON object; - reads it from standard input")
    run.add_argument(
        "--secret", action="append", default=[], metavar="NAME",
        help="read this secret input from standard input, in the order given and before the JSON of --input -; "
        "required ones are read without being named",
    )  # fmt: skip
    run.add_argument(
        "--file", action="append", default=[], metavar="NAME=PATH", help="the file at PATH as the input NAME",
    )  # fmt: skip
    run.add_argument("--customer", default="", help="a label, for whom: usage is counted by it")
    run.add_argument(
        "--revision", choices=[PUBLISHED, DRAFT], default=PUBLISHED,
        help="draft runs what is edited; a flow that was never published runs its draft anyway",
    )  # fmt: skip
    run.add_argument("--anyway", action="store_true", help="run a flow that has configuration errors, too")
    run.add_argument("--json", action="store_true", help="print run, state, output and actions as JSON")


class Command(KeyedCommand):
    help = "Lists, imports, exports, publishes, checks and runs flows."

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
        publishes = "make a revision what API, command line, batches and other flows run"
        add_publish_arguments(verbs.add_parser("publish", help=publishes, description=ABOUT_PUBLISH))
        verbs.add_parser("lint", help="print the problems of a flow file").add_argument("file")
        delete = verbs.add_parser("delete", help="delete a flow with its revisions and runs")
        delete.add_argument("slug")
        delete.add_argument("--yes", action="store_true", help="do not ask")
        add_run_arguments(verbs.add_parser("run", help="run a flow and print its output", description=ABOUT_RUN))

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        getattr(self, f"{verb}_verb")(Namespace(**options))

    def list_verb(self, options: Namespace) -> None:
        flows = Flow.objects.in_designer().exclude(head=None).select_related("head", "published").order_by("slug")
        rows = [
            {
                "slug": flow.slug,
                "name": flow.name,
                "revision": flow.current.number,
                "published": flow.published.number if flow.published else None,
            }
            for flow in flows
        ]
        if options.json:
            self.print_json(rows)
            return
        for row in rows:
            state = f"r{row['published']} is published" if row["published"] else "never published"
            self.stdout.write(f"{row['slug']}  r{row['revision']}  {row['name']}  ({state})")

    def import_verb(self, options: Namespace) -> None:
        path = Path(options.file)
        is_directory = options.file != "-" and path.is_dir()
        imported = flow_files.import_directory(path) if is_directory else [import_file(options.file)]
        for each in imported:
            number = each.flow.current.number
            self.stdout.write(f"{each.flow.slug} {OUTCOMES[each.outcome].format(number=number)}")
            for problem in configuration.problems_of(each.flow.current.parsed(), each.flow):
                self.stderr.write(f"{each.flow.slug}: {describe(problem)}" if len(imported) > 1 else describe(problem))

    def export_verb(self, options: Namespace) -> None:
        if bool(options.slug) == bool(options.all):
            raise CommandError("Say which flow, or --all DIR.")
        if options.all:
            self.export_all(options.all, FlowFormat(options.format or FlowFormat.YAML), options.revision)
            return
        flow, format = find(options.slug), FlowFormat(options.format or ending_of(options.output or ""))
        revision = revision_of(flow, options.revision)
        if options.output:
            flow_files.write_flow(flow, revision, Path(options.output), format)
            return
        text = files.export_text(revision.document, format)
        record(COMMAND, "exported", flow_subject(flow), f"as {format.name}, r{revision.number}")
        self.stdout.write(text, ending="")

    def export_all(self, path: str, format: FlowFormat, revision: str) -> None:
        if revision not in (DRAFT, PUBLISHED):
            raise CommandError(f"--revision is {DRAFT} or {PUBLISHED} with --all.")
        directory = flow_files.create_directory(path)
        flows = Flow.objects.in_designer().exclude(head=None).select_related("head", "published").order_by("slug")
        chosen = [flow for flow in flows if revision == DRAFT or flow.published]
        written = sum(
            flow_files.write_flow(flow, revision_of(flow, revision), directory / f"{flow.slug}.{format}", format)
            for flow in chosen
        )
        words = [f"{written} written to {path}"]
        words += [f"{len(chosen) - written} unchanged"] if written < len(chosen) else []
        words += [f"{len(flows) - len(chosen)} never published"] if len(chosen) < len(flows) else []
        self.stdout.write(", ".join(words))

    def publish_verb(self, options: Namespace) -> None:
        if bool(options.slug) == options.all:
            raise CommandError("Say which flows, or --all.")
        if options.revision != DRAFT and (options.all or len(options.slug) != 1):
            raise CommandError("--revision is of one flow.")
        flows = [find(slug) for slug in options.slug] or unpublished_flows()
        revisions = [(flow, revision_of(flow, options.revision)) for flow in flows]
        for flow, number, before in publish_all(revisions, options.note):
            instead = f", instead of r{before}" if before else ""
            self.stdout.write(f"{flow.slug} r{number} is published{instead}")
        if not flows:
            self.stdout.write("Every flow is published as it is.")

    def lint_verb(self, options: Namespace) -> None:
        try:
            found = configuration.problems_of(parse(files.parse_file(read_file(options.file))))
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

    def delete_verb(self, options: Namespace) -> None:
        flow = find(options.slug)
        if reasons := reasons_to_keep(flow):
            raise CommandError("\n".join(["Nothing was deleted.", *(f"  {reason}" for reason in reasons)]))
        if not options.yes:
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
        self.stdout.write(f"{options.slug} deleted")

    def run_verb(self, options: Namespace) -> None:
        flow = find(options.slug)
        revision = revision_of(flow, DRAFT) if options.revision == DRAFT else flow.called_revision
        if len(options.customer) > LONGEST_CUSTOMER:
            raise CommandError(f"The label of a customer has at most {LONGEST_CUSTOMER} characters.")
        document = runnable_document(revision, anyway=options.anyway)
        if flow.published is None:
            words = (
                f"{flow.slug} was never published: this runs its draft, r{revision.number}. flow publish {flow.slug}"
            )
            self.stderr.write(f"NOTICE: {words} makes it what others run, whatever is edited.")
        inputs = InputReader(document, self.stderr).read(options.input, options.secret, options.file)
        run = retry_while_away(partial(start_and_record, revision, inputs, options.customer))
        try:
            asyncio.run(embedded.run_here(run))
        except KeyboardInterrupt:
            run.request_cancel(by="command line")
        run.refresh_from_db()
        if options.json:
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
def start_and_record(revision: Revision, inputs: Mapping[str, Any], customer: str) -> Run:
    flow = revision.flow
    run = Run.objects.start(flow=flow, revision=revision, inputs=inputs, by=None, via="command line", customer=customer)
    record(COMMAND, "started", run_subject(run), of_flow(flow))
    return run


def to_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def find(slug: str) -> Flow:
    flow = Flow.objects.in_designer().select_related("head", "published").filter(slug=slug).first()
    if flow is None:
        known = ", ".join(Flow.objects.in_designer().order_by("slug").values_list("slug", flat=True)[:20]) or "none yet"
        raise CommandError(f"There is no flow {slug!r}. Known flows: {known}.")
    return flow


def runnable_document(revision: Revision, *, anyway: bool) -> Document:
    """What is to be run. Raises CommandError when it has configuration errors, unless it is to run `anyway`."""
    try:
        document = revision.parsed()
        errors = configuration.errors_before_run(revision)
    except DocumentError as error:
        raise CommandError("The flow cannot be read.\n" + "\n".join(error.problems)) from None
    if errors and not anyway:
        lines = [describe(problem) for problem in errors]
        hint = f"{revision.flow.slug} has configuration errors. Correct them, or say --anyway."
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


def run_result(run: Run) -> dict[str, Any]:
    """What `--json` prints; secrets are masked, as in everything stored of a run."""
    return {
        "run": run.pk,
        "revision": run.revision.number,
        "published": bool(run.published),
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
