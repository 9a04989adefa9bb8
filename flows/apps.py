from django.apps import AppConfig
from django.db.models.signals import post_migrate


class FlowsConfig(AppConfig):
    name = "flows"

    def ready(self) -> None:
        from connections.usage import register_finder
        from flows.models.connection_users import flows_by_connection
        from flows.models.triggers import install

        register_finder(flows_by_connection)
        post_migrate.connect(install, sender=self)
