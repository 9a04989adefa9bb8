from django.apps import AppConfig


class PlaygroundConfig(AppConfig):
    name = "flows.playground"
    label = "playground"

    def ready(self) -> None:
        from flows.playground.audited import session_addresses
        from foundryflow.audit.kinds import register_kind

        register_kind("session", "Sessions", session_addresses)
