"""What a person chooses in the Code view: language, SDK, API and authentication; and the snippet that comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from connections.foundry.routes import Api


class Language(StrEnum):
    PYTHON = "python"
    JAVASCRIPT = "javascript"
    CSHARP = "csharp"
    JAVA = "java"
    GO = "go"
    CURL = "curl"


class Sdk(StrEnum):
    OPENAI = "openai"
    REST = "rest"
    INFERENCE = "inference"
    ANTHROPIC = "anthropic"


class Authentication(StrEnum):
    KEY = "key"
    ENTRA = "entra"


LABELS = {
    Api.CHAT: "Chat completions",
    Api.RESPONSES: "Responses",
    Api.MESSAGES: "Messages (Claude)",
    Language.PYTHON: "Python",
    Language.JAVASCRIPT: "JavaScript",
    Language.CSHARP: "C#",
    Language.JAVA: "Java",
    Language.GO: "Go",
    Language.CURL: "curl",
    Sdk.OPENAI: "OpenAI SDK",
    Sdk.REST: "REST",
    Sdk.INFERENCE: "Azure AI Inference SDK (retired)",
    Sdk.ANTHROPIC: "Anthropic SDK",
    Authentication.KEY: "Key authentication",
    Authentication.ENTRA: "Microsoft Entra ID",
}


@dataclass(frozen=True)
class SnippetChoice:
    api: Api = Api.CHAT
    language: Language = Language.PYTHON
    sdk: Sdk = Sdk.OPENAI
    authentication: Authentication = Authentication.KEY
    env_file: bool = False


@dataclass(frozen=True)
class Snippet:
    """Code that runs, or the sentence that says why there is none. No key is in any part of it."""

    text: str = ""
    file_name: str = ""
    install: str = ""  # one line; empty when nothing is needed
    notes: tuple[str, ...] = ()
    env: str = ""  # of the .env file, with empty values; empty when none is asked for or needed
    refused: str = ""


@dataclass(frozen=True)
class WrittenCode:
    """What the module of a language writes."""

    text: str
    install: str
    notes: tuple[str, ...] = ()


class SnippetRefusal(Exception):
    """The chosen combination cannot be written; the message says why and what can."""
