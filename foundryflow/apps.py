from django.apps import AppConfig


class FoundryFlowConfig(AppConfig):
    name = "foundryflow"

    def ready(self) -> None:
        from foundryflow import checks

        checks.register_all()
