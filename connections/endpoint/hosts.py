"""Whose hosts are whose: the one list of families of hosts."""

from __future__ import annotations

# A resource's own hosts: who owns the resource runs nothing there, and the service itself looks at tokens.
RESOURCE = (
    ".openai.azure.com",
    ".openai.azure.us",
    ".openai.azure.cn",
    ".cognitiveservices.azure.com",
    ".cognitiveservices.azure.us",
    ".cognitiveservices.azure.cn",
    ".services.ai.azure.com",
    ".services.ai.azure.us",
    ".services.ai.azure.cn",
)
REGIONAL = ".api.cognitive.microsoft.com"  # shared by the resources of a region; takes keys, but no tokens
AZURE_RESOURCE = (*RESOURCE, REGIONAL)
SERVERLESS = (".models.ai.azure.com", ".inference.ml.azure.com")
PORTALS = ("ai.azure.com", "portal.azure.com", "oai.azure.com", "ml.azure.com", "portal.azure.us")
STANDARD_PORTS = {"http": 80, "https": 443}
