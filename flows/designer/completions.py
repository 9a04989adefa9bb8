"""What the large editor offers in code beside the language itself: what the sandbox has of Python's modules."""

from __future__ import annotations

from typing import NamedTuple


class CodeCompletion(NamedTuple):
    """One, in the words of CodeMirror."""

    label: str
    detail: str  # its arguments
    info: str  # a line
    type: str = "function"


COMPLETIONS = (
    CodeCompletion("base64.b64decode", "(text)", "Bytes of a text in Base64."),
    CodeCompletion("base64.b64encode", "(bytes)", "Bytes as Base64."),
    CodeCompletion("collections.Counter", "(items)", "How often each item is there.", "class"),
    CodeCompletion("collections.defaultdict", "(factory)", "A dict that makes what is missing.", "class"),
    CodeCompletion("copy.deepcopy", "(value)", "A copy of everything inside, too."),
    CodeCompletion("csv.DictReader", "(lines)", "Rows of CSV as dicts.", "class"),
    CodeCompletion("datetime.date.today", "()", "The day of today, by UTC."),
    CodeCompletion("datetime.datetime.fromisoformat", "(text)", "A moment from a text such as 2027-01-31T09:00."),
    CodeCompletion("datetime.datetime.now", "()", "This moment, by UTC."),
    CodeCompletion("datetime.timedelta", "(days=0, hours=0)", "A span of time.", "class"),
    CodeCompletion("decimal.Decimal", "(text)", "A decimal number without rounding.", "class"),
    CodeCompletion("functools.reduce", "(function, items)", "Everything put together, two by two."),
    CodeCompletion("hashlib.sha256", "(bytes)", "A digest; .hexdigest() as text."),
    CodeCompletion("itertools.chain", "(*lists)", "One list after the other."),
    CodeCompletion("itertools.product", "(*lists)", "Every combination."),
    CodeCompletion("json.dumps", "(value, indent=None)", "A value as JSON."),
    CodeCompletion("json.loads", "(text)", "The value in JSON."),
    CodeCompletion("math.ceil", "(number)", "Rounded up."),
    CodeCompletion("math.floor", "(number)", "Rounded down."),
    CodeCompletion("math.sqrt", "(number)", "The square root."),
    CodeCompletion("random.choice", "(items)", "One of them."),
    CodeCompletion("random.sample", "(items, count)", "Some of them, each once."),
    CodeCompletion("re.findall", "(pattern, text)", "Every match."),
    CodeCompletion("re.search", "(pattern, text)", "The first match, or None."),
    CodeCompletion("re.split", "(pattern, text)", "What stands between the matches."),
    CodeCompletion("re.sub", "(pattern, new, text)", "Matches replaced."),
    CodeCompletion("tomllib.loads", "(text)", "The value in TOML."),
    CodeCompletion("unicodedata.normalize", "('NFC', text)", "Characters in one form."),
)
