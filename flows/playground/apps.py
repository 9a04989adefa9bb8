from django.apps import AppConfig


class PlaygroundConfig(AppConfig):
    name = "flows.playground"
    label = "playground"

    def ready(self) -> None:
        from flows.catalog.beginnings import register_beginnings
        from flows.playground.audit import session_addresses
        from flows.playground.beginnings import sessions_to_begin_with
        from foundryflow.audit.kinds import register_kind

        register_kind("session", "Sessions", session_addresses)
        register_beginnings("A session of the playground", sessions_to_begin_with)
