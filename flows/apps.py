from django.apps import AppConfig
from django.db.models.signals import post_migrate


class FlowsConfig(AppConfig):
    name = "flows"

    def ready(self) -> None:
        from connections.usage import register_finder, register_month_finder, register_waiting_finder
        from flows.engine.restored import requeue_restored
        from flows.models.connection_users import flows_by_connection, months_of_use, runs_waiting_for
        from flows.models.triggers import install
        from flows.models.usage import forget_series
        from foundryflow.backup import restored

        register_finder(flows_by_connection)
        register_month_finder(months_of_use)
        register_waiting_finder(runs_waiting_for)
        restored.connect(requeue_restored, dispatch_uid="flows.engine.restored")
        post_migrate.connect(install, sender=self)
        post_migrate.connect(forget_series, sender=self)
