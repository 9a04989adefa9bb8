from typing import Any

from django.apps import AppConfig
from django.core.management.base import CommandError
from django.db.models.signals import pre_migrate


class FoundryFlowConfig(AppConfig):
    name = "foundryflow"

    def ready(self) -> None:
        from foundryflow import checks, http
        from foundryflow.account.sessions import connect_sessions
        from foundryflow.accounts import connect_accounts
        from foundryflow.audit.kinds import register_ground
        from foundryflow.sign_in.audit_entries import connect_audit_entries
        from foundryflow.sign_in.openid.links import connect_pending_links
        from foundryflow.sign_in.two_factor import register_sealed_authenticators

        connect_accounts()
        register_ground()
        connect_sessions()
        connect_audit_entries()
        connect_pending_links()
        register_sealed_authenticators()
        checks.register_all()
        http.register_id_converter()
        pre_migrate.connect(verify_keys_before_migration, sender=self)


def verify_keys_before_migration(**kwargs: Any) -> None:
    """What a migration would seal with a wrong key, or could not open, is not touched."""
    from foundryflow.encryption.keys import WrongKey, is_migrated, verify_keys

    try:
        if is_migrated():
            verify_keys()
    except WrongKey as error:
        raise CommandError(str(error)) from None
