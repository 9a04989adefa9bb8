from django.apps import AppConfig
from django.db.models.signals import post_migrate


class FlowsConfig(AppConfig):
    name = "flows"

    def ready(self) -> None:
        from flows.figures import install

        post_migrate.connect(install, sender=self)
