from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from foundryflow.backup import restored


class FlowsConfig(AppConfig):
    name = "flows"

    def ready(self) -> None:
        from connections.usage import UsageSource, register_source
        from flows.engine import queue_state
        from flows.models.audit import budget_addresses, flow_addresses, run_addresses
        from flows.models.connection_users import flows_by_connection, months_of_use, runs_waiting_for
        from flows.models.triggers import install
        from flows.models.usage import forget_series
        from foundryflow.audit.kinds import page_of_list, register_kind

        register_kind("flow", "Flows", flow_addresses)
        register_kind("run", "Runs", run_addresses)
        register_kind("budget", "Budgets", budget_addresses)
        register_kind("price", "Prices", page_of_list("playground:prices"))
        register_kind("data", "Exports of data")
        register_source(UsageSource(flows_by_connection, months_of_use, runs_waiting_for))
        queue_state.register()
        restored.connect(requeue_runs, dispatch_uid="flows.requeue_runs")
        post_migrate.connect(install, sender=self)
        post_migrate.connect(forget_series, sender=self)


def requeue_runs(**_: Any) -> None:
    """Nobody executes anything yet where a backup is restored: what was going when it was made is in the queue again,
    and goes on after its last finished action. No process has died of it."""
    from flows.engine import claims  # a command that restores nothing does not load the engine
    from flows.models import EXECUTING, Run

    claims.requeue(Run.objects.filter(state__in=EXECUTING, parent=None), died=False)
