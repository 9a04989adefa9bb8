"""Secrets inside of an address, where they would be stored and shown in the open."""

from __future__ import annotations

import re
from itertools import pairwise
from urllib.parse import unquote

from connections.endpoint.hosts import STANDARD_PORTS

LONGEST = 2_048  # characters of an address
LONGEST_PASTE = 20_000  # characters of a pasted command, snippet or block of settings
# An endpoint is stored and shown in the open: a key in the query moves to the key field, whatever else is secret is
# refused. Names are compared without case and marks: api-key, API_KEY and apiKey are one.
KEY_NAME = re.compile(
    r"(?:x|my)?(?:api|ocpapimsubscription|subscription|access|auth|account|primary|secondary|function|functions|app"
    r"|client|service|shared|master|admin|host|user)?key"
)
SECRET_NAME = re.compile(
    r"code|sig|sign|signature|sas|jwt|bearer|auth|authorization|cred|credentials?|pass|password|passwd|passphrase|pwd"
    r"|[a-z0-9]*(?:token|secret|password|signature|secretkey|privatekey|encryptionkey|signingkey)"
)
NAMED = re.compile(r"(?:^|[?&;,/#|\s])([\w.-]{2,60})=[^\s&;]")  # name=value inside of something else
# What is a key by its looks. Thirty-two hexadecimal digits in a path may be the id of an account.
LIKE_A_KEY = re.compile(
    r"sk-[\w-]{16,}|eyJ[\w-]{8,}\.[\w.-]+|(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9+/]{40,}={0,2}"
)
BARE_KEY = re.compile(r"sk-[\w-]+|eyJ[\w-]{8,}(\.[\w-]+)*|(?=[^0-9]*[0-9])[^.:/]{16,}")  # a word that is no address
HEXADECIMAL_KEY = re.compile(r"[0-9a-fA-F]{32}")
LONG_WORD = 16  # characters of the shortest word that may be a secret
# What stands around an address that was copied: blanks, also those without width, quotes and punctuation.
EDGES = " \t\r\n\f\v\u00a0\u200b\u2060\ufeff\u2028\u2029\"'`<>,;"


def is_bare_key(word: str) -> bool:
    """Whether a word is rather a key than the name of a host in one's own network."""
    return bool(BARE_KEY.fullmatch(word))


def normalized_name(name: str) -> str:
    """In lower case without marks: api-key, API_KEY and apiKey are one name."""
    return re.sub(r"[^a-z0-9]", "", unquote(name).lower())


def is_name_of_key(name: str) -> bool:
    """Whether a parameter of this name goes to the key field."""
    return bool(KEY_NAME.fullmatch(normalized_name(name)))


def is_name_of_secret(name: str) -> bool:
    return is_name_of_key(name) or bool(SECRET_NAME.fullmatch(normalized_name(name)))


def is_secret_parameter(name: str, value: str) -> bool:
    """Whether a parameter is a secret that no key field takes: by its name, by its looks, or by what it holds."""
    if is_name_of_key(name):
        return False
    looks = LIKE_A_KEY.fullmatch(value) or HEXADECIMAL_KEY.fullmatch(value)
    return bool(SECRET_NAME.fullmatch(normalized_name(name)) or looks) or names_a_secret(value)


def names_a_secret(text: str) -> bool:
    """Whether name=value stands in it, and the name is one of a secret."""
    return any(is_name_of_secret(name) for name in NAMED.findall(unquote(text)))


def path_has_secret(path: str) -> bool:
    """Whether a path holds a secret: /key=..., ;sig=..., /api-key/..., or a part that looks like nothing else."""
    parts = unquote(path).split("/")
    named = any(
        is_name_of_secret(name) and re.search(r"[0-9]", value)
        for name, value in pairwise(parts)
        if len(value) >= LONG_WORD
    )
    return named or names_a_secret(path) or any(LIKE_A_KEY.fullmatch(part) for part in parts)


def without_secrets(text: str) -> str:
    """As much of a text that was pasted as an endpoint as can be shown: its address, up to whatever may be secret."""
    words = text[:LONGEST_PASTE].strip(EDGES).split()
    found = re.search(r"https?://[^\s\"'<>`]+", text[:LONGEST_PASTE])
    if len(words) > 1 and any(len(word) >= LONG_WORD for word in words):
        return without_secrets(found[0]) if found else ""
    if len(words) > 1:
        return " ".join(words)
    word = re.split(r"[?#;]", words[0], maxsplit=1)[0] if words else ""
    scheme, separator, rest = word.rpartition("://")
    rest = rest.rpartition("@")[2]
    host, _, path = rest.partition("/")
    if is_bare_key(host) or (not separator and not re.search(r"[.:]", host) and len(host) >= LONG_WORD):
        return ""
    parts = list[str]()
    for part in path.split("/") if path else []:
        if path_has_secret("/".join(("", *parts, part))):
            break
        parts.append(part)
    scheme = scheme if scheme.lower() in STANDARD_PORTS else "https"
    return (f"{scheme}://" if separator else "") + "/".join((host, *parts))[:LONGEST]
