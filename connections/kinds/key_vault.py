"""An Azure Key Vault."""

from __future__ import annotations

from urllib.parse import urlsplit

from connections.endpoint.hosts import VAULT_FAMILIES
from connections.kinds.address import AddressError, DataAddress, PastedAddress, parse_server
from connections.kinds.base import ConnectionKind, KindGroup
from connections.kinds.sign_ins import ENTRA


def parse_key_vault(text: str) -> PastedAddress:
    """The address of a vault, or of anything in it; a name alone is one of Azure. Raises AddressError."""
    text = text.strip()
    if "://" not in text:
        text = f"https://{text if '.' in text or ':' in text else f'{text}{VAULT_FAMILIES[0].suffix}'}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port or 443
    except ValueError:
        host, port = "", 443
    if text.partition("://")[0].lower() != "https" or not host or parts.username or parts.password:
        raise AddressError("This is no vault.", "An address looks like https://contoso-vault.vault.azure.net.")
    server = parse_server(f"[{host}]:{port}" if ":" in host else f"{host}:{port}", "https", 443)
    return PastedAddress(DataAddress("https", server.host, server.port))


KEY_VAULT = ConnectionKind(
    name="key_vault",
    label="Azure Key Vault",
    group=KindGroup.DATA,
    parse=parse_key_vault,
    address_label="Vault",
    address_hint="Its address, such as https://contoso-vault.vault.azure.net, or the name alone.",
    fields=("endpoint",),
    sign_ins=(ENTRA,),
    role_hint="The identity needs the role Key Vault Secrets User on the vault.",
    families=VAULT_FAMILIES,
)
