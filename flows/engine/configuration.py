"""What is wrong with a flow in this installation, before it runs: lint, and what it asks the database for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from django.conf import settings
from django.utils.text import slugify

from connections.clients import identity_problem
from connections.endpoint.agent_place import AgentPlace, agent_place
from connections.fields import UnreadableSecret
from connections.foundry.lessons import EMBEDDINGS, NONE_MADE
from connections.kinds.foundry import FOUNDRY
from connections.models import OWN_IDENTITIES, Connection, LearntLesson
from flows.actions.registry import properties_of_type
from flows.interpreter import runner
from flows.language.document import Document, DocumentError
from flows.lint import linter
from flows.lint.linter import CalledFlow, Problem
from flows.models import Flow, FlowSecret, Revision, sql

K = TypeVar("K")
V = TypeVar("V")

MOST_REMEMBERED = 500


@dataclass(frozen=True)
class Needs:
    """What a document names of the installation."""

    connections: frozenset[str]
    flows: frozenset[str]  # slugs
    embedding: frozenset[str]  # deployments that are asked for embeddings


@dataclass(frozen=True)
class FoundConnection:
    """What lint asks of a connection: its kind, why no call can go there (mostly nothing), and whether there are
    agents."""

    kind: str
    trouble: str
    agent_place: AgentPlace
    without_embeddings: frozenset[str] = frozenset()  # deployments that were seen to make none, as far as asked for


# Of revisions, which never change: what they name, and their errors among what there is of that.
Key = tuple[int, datetime]
needs_known: dict[Key, Needs] = {}
Known = tuple[Key, frozenset[tuple[str, "FoundConnection"]], frozenset[tuple[str, CalledFlow]]]
problems_known: dict[tuple[Key, tuple[frozenset[Any], ...]], list[Problem]] = {}
errors_known: dict[Known, list[Problem]] = {}


def problems_of(document: Document, flow: Flow | None = None) -> list[Problem]:
    """Errors and warnings of a stored flow, whose secrets are known, or of a file."""
    needs = needs_of(document)
    # A file that runs itself does so once it is imported.
    own = {} if flow else {slugify(document.name): CalledFlow()}
    flows = {**own, **called_flows(needs, {flow.slug} if flow else ())}
    secrets = list(flow.secrets.all()) if flow else []
    keys = frozenset(each.key for each in secrets) if flow else None
    connections = with_embeddings(existing_connections(needs), needs)
    return lint(document, connections, flows, keys, unreadable_among(secrets))


def problems_of_revision(revision: Revision, flow: Flow, known: Iterable[Connection]) -> list[Problem]:
    """The same of a revision: found out once, as long as what it names of the installation stays as it is.

    `known` are all connections there are.
    """
    document, key = revision.parsed(), (revision.pk, revision.created_at)
    needs = needs_known.get(key) or remember(needs_known, key, needs_of(document))
    connections = with_embeddings(connections_among(known, needs), needs)
    flows = called_flows(needs, {flow.slug})
    secrets = list(flow.secrets.all())
    keys, unreadable = frozenset(each.key for each in secrets), unreadable_among(secrets)
    around = (frozenset(connections.items()), frozenset(flows.items()), keys, unreadable)
    found = problems_known.get((key, around))
    if found is None:
        found = remember(problems_known, (key, around), lint(document, connections, flows, keys, unreadable))
    return found


def lint(
    document: Document,
    connections: Mapping[str, FoundConnection],
    flows: Mapping[str, CalledFlow],
    secrets: frozenset[str] | None,
    unreadable: frozenset[str],
) -> list[Problem]:
    return linter.problems(
        document,
        connections=set(connections),
        **details_of(connections),
        environment=settings.ENVIRONMENT_SECRETS,
        secrets=secrets,
        flows=flows,
        unreadable=unreadable,
    )


def unreadable_among(secrets: Iterable[FlowSecret]) -> frozenset[str]:
    return frozenset(each.key for each in secrets if isinstance(each.value, UnreadableSecret))


def configuration_errors(revision: Revision, callers: Collection[str] = ()) -> list[Problem]:
    """What keeps a run of this revision from being started. `callers` are flows on the way here, by slug.

    Raises DocumentError. Costs a query where the revision names connections, and some where it runs other flows.
    """
    document, key = revision.parsed(), (revision.pk, revision.created_at)
    needs = needs_known.get(key) or remember(needs_known, key, needs_of(document))
    connections, flows = existing_connections(needs), called_flows(needs, callers)
    known = (key, frozenset(connections.items()), frozenset(flows.items()))
    errors = errors_known.get(known)
    if errors is None:
        found = linter.problems(
            document,
            connections=set(connections),
            **details_of(connections),
            environment=settings.ENVIRONMENT_SECRETS,
            secrets=stored_secrets(revision.flow),
            flows=flows,
        )
        errors = remember(errors_known, known, [problem for problem in found if problem.severity == "error"])
    return errors


def remember(known: dict[K, V], key: K, value: V) -> V:
    known[key] = value
    while len(known) > MOST_REMEMBERED:
        known.pop(next(iter(known)), None)
    return value


def errors_before_run(revision: Revision) -> list[Problem]:
    """The same of flows that people edit; those of sessions and batches say in their answers what is wrong."""
    return configuration_errors(revision, {revision.flow.slug}) if revision.flow.is_in_designer else []


def needs_of(document: Document) -> Needs:
    named, embedding = set[str](), set[str]()
    for action in (located.action for located in document.walk()):
        for name, property in properties_of_type(action.type, "connections_named").items():
            named.update(property.connections_named(action.properties.get(name)))
        for name, property in properties_of_type(action.type, "embeds_with").items():
            embedding.add(property.embeds_with(action.properties.get(name)))
    slugs = frozenset(slug for _, _, slug in linter.calls_in(document))
    return Needs(frozenset(named), slugs, frozenset(embedding - {""}))


def existing_connections(needs: Needs) -> dict[str, FoundConnection]:
    """Those of the named connections that there are."""
    if not needs.connections:
        return {}
    found = sql.connections_named(needs.connections)
    return {name: found_connection(kind, auth, endpoint) for name, kind, auth, endpoint in found}


def connections_among(known: Iterable[Connection], needs: Needs) -> dict[str, FoundConnection]:
    """The same of connections that have been read."""
    named = (each for each in known if each.name in needs.connections)
    return {each.name: found_connection(each.kind, each.auth, each.endpoint) for each in named}


def with_embeddings(found: dict[str, FoundConnection], needs: Needs) -> dict[str, FoundConnection]:
    """With what is known of the deployments that are asked for embeddings; costs nothing where none is."""
    if not needs.embedding or not found:
        return found
    stored = {each.name: each for each in Connection.objects.filter(name__in=found).only("name", "endpoint", "listed")}
    lessons = LearntLesson.objects.filter(
        endpoint__in={each.endpoint for each in stored.values()}, model__in=needs.embedding, parameter=EMBEDDINGS
    )
    learnt = {
        (endpoint, model): makes for endpoint, model, makes in lessons.values_list("endpoint", "model", "instead")
    }

    def makes_none(connection: Connection, model: str) -> bool:
        """What was learnt counts over what is listed."""
        known = learnt.get((connection.endpoint, model))
        return known == NONE_MADE if known else model in connection.without_embeddings

    known = {name: frozenset(m for m in needs.embedding if makes_none(each, m)) for name, each in stored.items()}
    return {name: replace(each, without_embeddings=known.get(name, frozenset())) for name, each in found.items()}


def found_connection(kind: str, auth: str, address: str) -> FoundConnection:
    if kind != FOUNDRY.name:
        return FoundConnection(kind, "", AgentPlace.NONE)
    return FoundConnection(kind, trouble_of(auth, address), agent_place(address))


def details_of(found: Mapping[str, FoundConnection]) -> dict[str, dict[str, Any]]:
    """What lint is told of connections beside their names."""
    return {
        "kinds": {name: each.kind for name, each in found.items()},
        "troubles": {name: each.trouble for name, each in found.items()},
        "agent_places": {name: each.agent_place for name, each in found.items()},
        "without_embeddings": {name: each.without_embeddings for name, each in found.items()},
    }


def trouble_of(auth: str, address: str) -> str:
    endpoint = Connection(endpoint=address).parsed if auth in OWN_IDENTITIES else None
    return identity_problem(endpoint) if endpoint else ""


def stored_secrets(flow: Flow) -> set[str]:
    return set(flow.secrets.values_list("key", flat=True))


def called_flows(needs: Needs, callers: Collection[str] = ()) -> dict[str, CalledFlow]:
    """The flows that are run, by slug; those that are not there are left out."""
    return {slug: called_flow(flow, callers) for slug, flow in Flow.objects.by_slug(needs.flows).items()}


def called_flow(flow: Flow, callers: Collection[str]) -> CalledFlow:
    try:
        inputs = flow.called_revision.parsed().inputs
        # Flows that run each other in a circle are looked at once.
        errors = [] if flow.slug in callers else configuration_errors(flow.called_revision, {*callers, flow.slug})
    except DocumentError:
        return CalledFlow(errors=1)
    return CalledFlow(frozenset(declared.name for declared in inputs if declared.type == "secret"), len(errors))


def head_of(flow: Flow) -> Revision:
    flow.current.flow = flow
    return flow.current


@dataclass(frozen=True)
class LocatedProblem:
    """A problem with where it can be corrected."""

    problem: Problem
    title: str  # of the action
    url: str  # of the action in the designer

    def to_json(self) -> dict[str, Any]:
        problem = self.problem
        return {
            "action": problem.action_id,
            "property": problem.property,
            "title": self.title,
            "message": problem.message,
            "url": self.url,
        }


def locate_problems(problems: Iterable[Problem], document: Document, flow: Flow) -> list[LocatedProblem]:
    """For people: with the title of each action, and a link to its property."""
    return [LocatedProblem(problem, title_of(problem, document), url_of(problem, flow)) for problem in problems]


def title_of(problem: Problem, document: Document) -> str:
    action = document.find(problem.action_id) if problem.action_id else None
    return runner.title_of(action) if action else "Start"


def url_of(problem: Problem, flow: Flow) -> str:
    place = f"?action={problem.action_id or 'start'}"
    return flow.get_absolute_url() + place + (f"#property-{problem.property}" if problem.property else "")
