"""What no single app owns."""

from foundryflow.models.account import Account, Invitation
from foundryflow.models.api_key import ApiKey, ApiScope
from foundryflow.models.attempt import Attempt
from foundryflow.models.audit_entry import AuditEntry
from foundryflow.models.key_canary import KeyCanary
from foundryflow.models.server_process import ServerProcess
from foundryflow.models.stored_setting import StoredSetting

__all__ = [
    "Account",
    "ApiKey",
    "ApiScope",
    "Attempt",
    "AuditEntry",
    "Invitation",
    "KeyCanary",
    "ServerProcess",
    "StoredSetting",
]
