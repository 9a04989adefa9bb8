"""What texts name that people paste, and what is read in them."""

from connections.endpoint.paste import Paste
from connections.secret import Secret

KEY = "planted-key-0123456789"
AZURE = "https://my-res.openai.azure.com"
FOUNDRY = "https://my-res.services.ai.azure.com"
DATED = "2024-12-01-preview"


def clipping(address, key=None, model=None, api_version=None):
    return Paste(address, Secret(key) if key else None, model, api_version)


def shown(found):
    """Keys in the open, so that a failure says which one was found."""
    return found and (found.address, found.key and found.key.reveal(), found.model, found.api_version, found.agent)
