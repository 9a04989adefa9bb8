from django.apps import AppConfig
from django.db.models.signals import post_migrate


class FlowsConfig(AppConfig):
    name = "flows"

    def ready(self) -> None:
        from connections.usage import register_finder
        from flows.models.triggers import install
        from flows.models.usage import flows_by_connection

        register_finder(flows_by_connection)
        post_migrate.connect(install, sender=self)
