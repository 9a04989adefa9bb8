from django.apps import AppConfig


class ConnectionsConfig(AppConfig):
    name = "connections"

    def ready(self) -> None:
        from connections import checks
        from connections.audit import addresses
        from foundryflow.audit.kinds import register_kind

        checks.register_all()
        register_kind("connection", "Connections", addresses)
