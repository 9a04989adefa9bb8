"""A pasted command, snippet or block of settings -> the address, key, model and api-version it holds.

Shells, languages and settings files differ in everything but `NAME separator VALUE`, so that is what is looked for.
Nothing is executed, and what is not clearly an address, a key or a name is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple
from urllib.parse import quote

from connections.endpoint.hosts import AZURE_MODEL, NO_ENDPOINTS, PORTALS, is_or_is_below
from connections.secret import Secret


@dataclass(frozen=True, slots=True)
class Paste:
    """What a pasted text holds. `address` is the URL as found (not normalised; parse_endpoint does that)."""

    address: str
    key: Secret | None = None  # never a placeholder
    model: str | None = None  # deployment (or model) named beside the address
    api_version: str | None = None  # when it stands apart from the address
    agent: str = ""  # of a project that the body names; behind a colon its version


def read_paste(text: str) -> Paste | None:
    """None when the text is a plain address (a single token) or holds no address; never raises."""
    if is_single_token(text.strip(EDGES)):
        return None
    text = tidy(text)
    settings = read_settings(text)
    found = find_address(text, settings)
    if found is None:
        return None
    key, model, version = find_key(settings, found), find_model(settings), find_version(text, settings)
    if not (key or model or version) and text.lstrip(EDGES).lower().startswith("http"):
        return None  # an address with blanks inside: its parser says so
    agent = find_agent(text, settings) if "/api/projects/" in found.value else ""
    return Paste(add_deployment_route(text, found.value, model, version), key, model, version, agent)


EDGES = " \t\r\n\f\v\u00a0\u200b\u2060\ufeff\u2028\u2029\"'`<>,;"
LONGEST_VALUE = 4_200  # characters; the longest key, and a little to tell it from a longer one
# They bound the time a hostile text takes; a real one has some dozens, and a few names in a value.
MOST_SETTINGS, MOST_REFERENCES = 1_000, 10


# --- The text ---

TYPOGRAPHIC = str.maketrans("“”„‘’\u00a0\u2028\u2029", '"""\'\' \n\n', "\u200b\u2060\ufeff")
COMMENT_LINE = re.compile(r"^[ \t]*(?:#|//|::|rem\b).*$", re.IGNORECASE | re.MULTILINE)
CONTINUATION = re.compile(r"\\\n|(?<=\s)[\\^`](?=\s|-|$)")
TRIMMING = re.compile(r"\.(?:[lr]?strip|trim|trimend|removesuffix|tostring)\([^()]{0,20}\)", re.IGNORECASE)
# Where a line began before a one-line input removed its end.
GLUED = re.compile(
    r"(?<=[A-Za-z0-9;)])(?=(?:azure_endpoint|endpoint|base_url|deployment|deployment_name|model|model_name|api_key"
    r"|subscription_key|api_version) ?=)"
    r"|(?<=[^\s$%{\"':?&_])(?=(?:export |set )[A-Z_]{2,60}+=|(?:AZURE|OPENAI)_[A-Z_]{2,60}+[=:]|curl [\"'$h-])"
)


# name: X, value: Y and <add key="X" value="Y"/>: how hosting services and .NET write settings.
PAIR = re.compile(
    r"\b(?:name|key)[\"']?\s{0,9}[:=]\s{0,9}[\"']?([A-Za-z_][\w:.-]{1,80}+)[\"']?,?\s{0,40}"
    r"[\"']?(?<=[\s\"'])value[\"']?\s{0,9}[:=]\s{0,9}"
)


def is_single_token(text: str) -> bool:
    """One token, and not one such as NAME=https://... or {"endpoint":"https://..."}."""
    return not re.search(r"\s", text) and not re.match(r"[A-Za-z_]\w*=|[^/?]*[\"'=(]https?://", text, re.IGNORECASE)


def tidy(text: str) -> str:
    """Straight quotes, one statement per line where it can be told, no comments, no calls that only trim."""
    text = re.sub(r"\r\n?", "\n", text.translate(TYPOGRAPHIC)).replace('\\"', '"').replace('^"', '"')
    # In a single line a comment mark may stand before the whole rest of the program.
    text = COMMENT_LINE.sub("", text) if "\n" in text else GLUED.sub(" ", text)
    return PAIR.sub(r"\1=", TRIMMING.sub("", CONTINUATION.sub(" ", text)))


# --- NAME separator VALUE ---


class Setting(NamedTuple):
    name: str
    value: str

    @property
    def plain_name(self) -> str:
        """api-key, API_KEY and apiKey are one name."""
        return re.sub(r"[^a-z0-9]", "", self.name.lower())


SETTING = re.compile(
    r"(?<![\w?&])(?P<name>[A-Za-z_][\w-]{0,80}+)(?P<quote>[\"'`]?)[)\]]?\s*+"
    r"(?P<separator>(?::\s*+(?:str|string)\s*+)?=(?![=>])|=>|:=|:(?![/:=-])|\|\||\?\?|or\b|\(|,)(?P<gap>\s*+)"
)
PIECE = re.compile(
    r"(?:new\s+)?(?P<calls>(?:[\w.]{1,80}+[(\[]\s*+){0,3}+)"
    r"(?:[fFrRbBuU$@]{0,2}(?:\"(?P<double>[^\"\n]{0,4200}+)\"|'(?P<single>[^'\n]{0,4200}+)'|`(?P<back>[^`\n]{0,4200}+)`)"
    r"|(?P<word>(?:Bearer )?[^\s\"'`]{1,4200}+))"
)
LONG_WORD = re.compile(r"[^\s\"'`]{300,4200}+")  # is one value, and what looks like settings inside is part of it
PLUS = re.compile(r"[)\]]{0,3}\s*+\+\s*+")
ENVIRONMENT = re.compile(r"env|\bget\(|\[$", re.IGNORECASE)  # the text inside is a name, not a value
WRAPPER = re.compile(r"(?:Uri|URL|Credential|Ptr|String|SecretStr|str|create|parse|\bF|ChatModel)\(\s*$", re.IGNORECASE)
IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*(?:[.:][A-Za-z_$][\w$]*)*!?")
REFERENCE = re.compile(
    r"\$\(?(?:env:)?(?P<shell>[A-Za-z_]\w*)\)?|\$?\{{1,2}(?P<code>[^{}\s]{1,300})\}{1,2}|%(?P<cmd>[A-Za-z_]\w+)%"
)


def read_settings(text: str) -> list[Setting]:
    """In the order of the text. Read twice, as a name may be used above the line that defines it."""
    values: dict[str, str] = {}
    for _ in range(2):
        settings, passed = [], 0
        for found in islice(SETTING.finditer(text), MOST_SETTINGS):
            if found.start() < passed or (found["separator"] in ("or", ",") and not is_quoted(found)):
                continue
            if word := LONG_WORD.match(text, found.end()):
                passed = word.end()
            if value := read_value(text, found, values):
                values.setdefault(found["name"], value)
                settings.append(Setting(found["name"], value))
    return settings


def is_quoted(setting: re.Match[str]) -> bool:
    start = setting.start("name")
    return bool(setting["quote"]) and setting.string[max(start - 1, 0) : start] == setting["quote"]


def read_value(text: str, setting: re.Match[str], values: dict[str, str]) -> str | None:
    """The literal, the known name or the sum of both that follows; None when a part of it is not known."""
    value, start = "", setting.end()
    for _ in range(MOST_REFERENCES):
        piece = PIECE.match(text, start)
        part = read_piece(piece, setting, values) if piece else None
        if piece is None or part is None:
            return None
        value, start = value + part, piece.end()
        if plus := PLUS.match(text, start):
            start = plus.end()
        elif not (piece["word"] or "").endswith("+"):
            return value if len(value) <= LONGEST_VALUE else None
    return None


def read_piece(piece: re.Match[str], setting: re.Match[str], values: dict[str, str]) -> str | None:
    literal = next((piece[name] for name in ("double", "single", "back") if piece[name] is not None), None)
    if literal is None:
        return read_word(piece, setting, values)
    if piece["calls"] and ENVIRONMENT.search(piece["calls"]):
        return values.get(literal)
    if piece["calls"] and not WRAPPER.search(piece["calls"]):
        return None
    return fill_references(literal, values)


def read_word(piece: re.Match[str], setting: re.Match[str], values: dict[str, str]) -> str | None:
    """A word without quotes: the name of a value, or the value itself as in a .env file."""
    word = re.split(r"[,;)]", piece["word"], maxsplit=1)[0].rstrip("]}+")
    if len(word) < 100 and IDENTIFIER.fullmatch(word) and (known := values.get(last_name(word))):
        return known
    if piece["calls"] or "(" in setting["separator"] + word or is_reference(word, setting):
        return None
    # What follows NAME= may be the next setting already.
    is_next = "\n" in setting["gap"] or re.match(r"[A-Z][A-Z0-9_]*=|[A-Za-z_]\w*=[^=]|#|(?:export|set)$", word)
    return None if is_next else fill_references(word, values)


def is_reference(word: str, setting: re.Match[str]) -> bool:
    """A word that code would read as a name, in a place that is not clearly a settings file or a header."""
    name = setting["name"]
    if len(word) > 100 or not IDENTIFIER.fullmatch(word) or word.startswith("eyJ"):
        return False
    if "." in word or ":" in word:
        return True
    if "-" in name or (name.isupper() and (not setting["gap"] or setting["separator"] == ":")):
        return False
    has_digit = bool(re.search(r"\d", word))
    return not has_digit or (len(word) < 20 if name.lower().endswith("key") else "_" in word)


def fill_references(text: str, values: dict[str, str]) -> str:
    """With the known among $NAME, ${NAME}, ${NAME:-other}, {name}, %NAME%; the others stay."""

    def known(found: re.Match[str]) -> str:
        name, _, other = (found["code"] or found["shell"] or found["cmd"]).partition(":-")
        return values.get(last_name(name)) or other or found[0]

    return REFERENCE.sub(known, text, MOST_REFERENCES)


def last_name(text: str) -> str:
    """X of process.env.X, os.environ['X'] and self.X."""
    return next(reversed(re.findall(r"[A-Za-z_][\w-]*", text[:300])), "")


# --- The address ---

ADDRESS_NAME = re.compile(r"(?:endpoint|endpointurl|baseurl|baseuri|apibase|apiurl|targeturi|^uri)$")
# Services whose addresses and keys stand beside those of a model in the settings of an application.
OTHER_SERVICE = re.compile(
    r"search|storage|cosmos|redis|secret|speech|translat|documentintel|formrecogn|insights|instrumentation|stripe|aws"
    r"|anthropic(?!foundry)|gemini|google|github|publickey|privatekey|partition|encrypt|signing|session|telemetry|otel"
)
URL = re.compile(r"https?:/{1,3}[^\s\"'`<>|\\^\x00-\x1f\x7f]{1,2048}+", re.IGNORECASE)
HOST = re.compile(
    r"https?:/{1,3}(?:[^/?#@]*@)?(?P<host>\[[0-9a-f:.]+\]|[\w.-]*\w)\.?(?::\d{1,5})?(?:[/?#]|$)", re.IGNORECASE
)
BARE = re.compile(r"(?:localhost|[\w-]+(?:\.[\w-]+)+)(?::\d{1,5})?(?:/\S*)?")
CLAUDE = re.compile(r"/anthropic(?:/|$)|/v1/messages(?:[/?]|$)|^https?://api\.anthropic\.com(?:/|$)", re.IGNORECASE)
RESOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.IGNORECASE)
CLAUDES_CLIENT = re.compile(r"AnthropicFoundry\s{0,3}\(")
COMMAND = re.compile(r"\b(?:curl(?:\.exe)?|wget|Invoke-RestMethod|Invoke-WebRequest|irm|iwr)\s", re.IGNORECASE)
ARGUMENT = re.compile(r"\"([^\"]*+)\"|'([^']*+)'|([^\s\"']\S*+)")
WITH_OTHER_URL = ("-x", "--proxy", "-e", "--referer", "-o", "--output")
PROMPT = re.compile(r"[\"']?\b(?:messages|input|image_url)[\"']?\s{0,9}[:=]")


def find_address(text: str, settings: list[Setting]) -> Setting | None:
    """The one that is named or called; else one that looks like Azure AI; else any that is no documentation."""
    values = {setting.name: setting.value for setting in reversed(settings)}
    settings = [*settings, *claude_addresses(text, settings)]
    addresses = [s for s in settings if is_address(s.value) and not is_of_other_service(s, s.value)]
    named = [s for s in addresses if ADDRESS_NAME.search(s.plain_name)]
    if called := command_address(text, values):
        named.append(Setting("", called))
    if named:
        first = next((s for s in named if is_azure(s.value)), named[0])
        # What a client, a command or a request makes of the address says more than the address.
        base = first.value.rstrip("/") + "/"
        requested = [s for s in addresses if s.plain_name == "url"]
        return next((s for s in named + requested if s.value.startswith(base) and s.value != base), first)
    loose = list(loose_addresses(text, values))
    azure = next((url for url, _ in loose if is_azure(url)), None)
    if azure or COMMAND.search(text):
        return Setting("", azure) if azure else None
    prompt = PROMPT.search(text)
    end = prompt.start() if prompt else len(text)
    other = next((url for url, start in loose if start < end), None)
    return Setting("", other) if other else None


def is_of_other_service(setting: Setting, address: str) -> bool:
    """Whether its name says that it is none of a model's. One that names Anthropic is, where Claude is asked."""
    name = setting.plain_name.replace("anthropic", "") if CLAUDE.search(address) else setting.plain_name
    return bool(OTHER_SERVICE.search(name))


def claude_addresses(text: str, settings: list[Setting]) -> Iterator[Setting]:
    """Where the clients of Claude on Foundry are told to go: by the name of the resource, or by a base address that
    Claude Code takes without /anthropic."""
    for setting in settings:
        name = setting.plain_name
        by_name = name == "anthropicfoundryresource" or (name == "resource" and CLAUDES_CLIENT.search(text))
        if by_name and RESOURCE_NAME.fullmatch(setting.value):
            yield Setting(f"{setting.name}_endpoint", f"https://{setting.value}.services.ai.azure.com/anthropic")
        if name == "anthropicfoundrybaseurl" and is_azure(setting.value) and not CLAUDE.search(setting.value):
            yield Setting(f"{setting.name}_endpoint", f"{setting.value.rstrip('/')}/anthropic")


def loose_addresses(text: str, values: dict[str, str]) -> Iterator[tuple[str, int]]:
    for found in islice(URL.finditer(text), MOST_SETTINGS):
        url = fill_references(found[0], values).rstrip(".,;:!?)]}*")
        if is_address(url):
            yield url, found.start()


def command_address(text: str, values: dict[str, str]) -> str | None:
    """The first argument of a command that is an address."""
    for command in islice(COMMAND.finditer(text), 5):
        option = ""
        for argument in islice(ARGUMENT.finditer(text, command.end()), 200):
            word = argument[1] or argument[2] or argument[3] or ""
            url = "" if len(word) >= 2_048 else fill_references(argument_value(word), values)
            if option not in WITH_OTHER_URL and (is_address(url) or ("/" in url and BARE.fullmatch(url))):
                return url
            option = word
    return None


def argument_value(word: str) -> str:
    """Without the option that stands before it, and without marks around it."""
    return re.sub(r"^--?[a-zA-Z]{1,20}=", "", word).strip("\"';,)")


def host_of(url: str) -> str:
    found = HOST.match(url if "://" in url[:8] else f"https://{url}")
    return found["host"].lower() if found else ""


def is_azure(url: str) -> bool:
    return host_of(url).endswith(AZURE_MODEL)


def is_address(text: str) -> bool:
    """An absolute URL without gaps to fill; without a scheme only on a known host. No token scope, no documentation."""
    if len(text) > 2_048 or re.search(r"[\s\"'`<>{}|\\^$\x00-\x1f]", text) or text.rstrip("/").endswith("/.default"):
        return False
    if re.search(r"_[A-Z]+[=:]", text.partition("?")[0]):
        return False  # grown together with the setting behind it, maybe a key
    host = host_of(text)
    if URL.match(text):
        return bool(host) and host not in PORTALS and not is_or_is_below(host, NO_ENDPOINTS)
    return host.endswith(AZURE_MODEL) and bool(BARE.fullmatch(text))


CLIENT = re.compile(r"Azure(?:Chat)?OpenAI(?:Client|Embeddings)?\s{0,3}\(|AzureOpenAIClient\s")


def add_deployment_route(text: str, address: str, model: str | None, version: str | None) -> str:
    """Clients of the class AzureOpenAI append the route of the deployment to the address they are values."""
    if not (model and CLIENT.search(text)) or re.search(r"[?#]|/openai\b|/models\b|/api/projects/", address):
        return address
    query = f"?api-version={version}" if version else ""
    return f"{address.rstrip('/')}/openai/deployments/{quote(model, safe='')}{query}"


# --- Key, model, version ---

KEY_NAME = re.compile(r"(?:key|keycredential|^authorization)$")
PLACEHOLDER = re.compile(
    r"^[<{$%\[(]|_[a-z]+=[^=]|\.\.\.|\*{3}|x{5}|^x{3,}$|^\W*(?:your|my-?key|replace|insert|enter|paste|add|put)(?![a-z0-9]{12})"
    r"|[-_](?:your|here)\b|[-_]your[-_]|placeholder|change-?me|process\.env|environ|getenv|api[-_ ]?key$|^(.)\1{5,}$"
    r"|^(?:sk-)?(?:dummy|fake|none|null|empty|unused|not-needed)",
    re.IGNORECASE,
)
MODEL_NAME = re.compile(r"deployment|model|^engine$|(?:chat|responses?|embedding)client$")
NO_MODEL_NAME = re.compile(
    r"version|type|endpoint|key|ur[il]$|path|dir|count|format|scale|sku|capacity|provider|kwargs|modelclient"
)
DATED = re.compile(r"\d{4}-\d{2}-\d{2}(?:-preview)?")
SERVICE_VERSION = re.compile(
    r"(?:ServiceVersion(?:\.fromString\(|\.)?[\"']?V?|WithEndpoint\([^,()]{1,300},\s{0,9}[\"'])"
    r"(\d{4})[-_](\d\d)[-_](\d\d)([-_]preview)?",
    re.IGNORECASE,
)


def find_key(settings: list[Setting], address: Setting) -> Secret | None:
    """The one whose name is nearest to the name of the address, as in CONTOSO_ENDPOINT and CONTOSO_KEY."""
    keys = [s for s in settings if KEY_NAME.search(s.plain_name) and not is_of_other_service(s, address.value)]
    keys = [s._replace(value=re.sub(r"^\s*Bearer\s+", "", s.value, flags=re.IGNORECASE)) for s in keys]
    keys = [s for s in keys if is_key(s.value)]
    best = max(keys, key=lambda s: shared_prefix_length(s.name, address.name), default=None)
    return Secret(best.value) if best else None


def shared_prefix_length(one: str, other: str) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def is_key(text: str) -> bool:
    looks_like_one = re.fullmatch(r"[!-~]{8,4096}", text) and "://" not in text
    return bool(looks_like_one) and not PLACEHOLDER.search(text)


def find_model(settings: list[Setting]) -> str | None:
    """A deployment rather than a model, one that chats rather than one that embeds."""
    models = [s for s in settings if MODEL_NAME.search(s.plain_name) and not NO_MODEL_NAME.search(s.plain_name)]
    models = [s for s in models if is_model(s.value)]
    best = min(models, key=lambda s: ("embed" in s.plain_name, "deployment" not in s.plain_name), default=None)
    return best.value if best else None


def is_model(text: str) -> bool:
    looks_like_one = re.fullmatch(r"[A-Za-z0-9][\w.:/@+-]{0,127}", text) and "://" not in text
    return bool(looks_like_one) and not PLACEHOLDER.search(text)


AGENT_REFERENCE = re.compile(r"\bagent(?:_reference)?[\"']?\s{0,9}[:=]\s{0,9}\{([^{}]{1,400})\}")
AGENT_FIELD = re.compile(r"(\w+)[\"']?\s{0,9}:\s{0,9}([\"']?)([\w.-]+)")
AGENT_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,62}")


def find_agent(text: str, settings: list[Setting]) -> str:
    """The agent that the body of a call refers to: name, or name:version. Empty without one."""
    values = {setting.name: setting.value for setting in settings}
    for found in islice(AGENT_REFERENCE.finditer(text), MOST_REFERENCES):
        fields = {
            name: value if quote else values.get(value, "") for name, quote, value in AGENT_FIELD.findall(found[1])
        }
        if fields.get("type") == "agent_reference" and AGENT_NAME.fullmatch(fields.get("name", "")):
            return ":".join(filter(None, (fields["name"], fields.get("version"))))
    return ""


def find_version(text: str, settings: list[Setting]) -> str | None:
    for setting in settings:
        if setting.plain_name.endswith("apiversion") and DATED.fullmatch(setting.value):
            return setting.value
    if found := SERVICE_VERSION.search(text):
        return "-".join(found.groups("")[:3]) + ("-preview" if found[4] else "")
    return None
