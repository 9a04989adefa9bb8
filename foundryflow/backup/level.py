"""Which migrations a database, a backup and this version know: the level of its tables."""

from __future__ import annotations

from django.apps import apps
from django.apps.registry import Apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from foundryflow.backup.format import BackupError, Manifest, newer_version
from foundryflow.backup.tables import BackupTable, owned_apps, tables_of

Node = tuple[str, str]


def name_of(node: Node) -> str:
    return ".".join(node)


def node_of(name: str) -> Node:
    app, _, migration = name.partition(".")
    return app, migration


class Level:
    """What this version knows."""

    def __init__(self) -> None:
        self._loader = MigrationLoader(None)
        own = owned_apps(apps)
        self._nodes = {node for node in self._loader.graph.nodes if node[0] in own}

    @property
    def newest(self) -> list[str]:
        """Every migration of this version."""
        return sorted(map(name_of, self._nodes))

    def known_of(self, migrations: list[str]) -> list[str]:
        return [name for name in migrations if node_of(name) in self._nodes]

    def check(self, manifest: Manifest) -> None:
        """Raises BackupError unless the rows of the backup fit into tables that this version can make."""
        if self.known_of(manifest.migrations) != manifest.migrations:
            raise newer_version(manifest.version)
        expected = {table.name: table.shape for table in self.tables_at(manifest.migrations)}
        found = {part.table.name: part.table.shape for part in manifest.parts}
        if expected != found or len(found) != len(manifest.parts):
            odd = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
            raise BackupError(f"This backup does not say of all its tables what they are: {', '.join(odd[:5])}.")

    def tables_at(self, migrations: list[str]) -> list[BackupTable]:
        """The tables that a database has which has been migrated so far."""
        return tables_of(self.registry_at(migrations))

    def registry_at(self, migrations: list[str]) -> Apps:
        if migrations == self.newest:
            return apps
        return self._loader.project_state([node_of(name) for name in migrations]).apps


def applied_migrations() -> list[str]:
    """Those of the tables of a backup that this database has behind it."""
    loader = MigrationLoader(connection)
    own = owned_apps(apps)
    return sorted(name_of(node) for node in loader.applied_migrations if node[0] in own)


def migrate_to(migrations: list[str]) -> None:
    """From nothing. Sends no signals: whatever they make is of the newest level."""
    executor = MigrationExecutor(connection)
    nodes = {node_of(name) for name in migrations}
    parents = {parent for node in nodes for parent in executor.loader.graph.node_map[node].parents}
    executor.migrate(sorted(nodes - {(parent[0], parent[1]) for parent in parents}))


def migrate_others() -> None:
    """The tables of packages that are in no backup, such as a queue of jobs: theirs cannot all be made in one
    transaction."""
    executor, own = MigrationExecutor(connection), owned_apps(apps)
    executor.migrate([node for node in executor.loader.graph.leaf_nodes() if node[0] not in own])
