from django.apps import AppConfig


class FoundryFlowConfig(AppConfig):
    name = "foundryflow"

    def ready(self) -> None:
        from foundryflow import checks, http

        checks.register_all()
        http.register_id_converter()
