from flows.language.expressions import check
from flows.language.filter_words import FILTER_WORDS
from flows.language.sandbox.expression_writer import FILTERS

ALIASES = {"d": "default", "count": "length"}  # other names of the same


def test_every_filter_of_the_language_is_offered_once_and_can_be_read():
    names = [words.name for words in FILTER_WORDS]
    assert sorted([*names, *ALIASES]) == sorted(FILTERS)
    assert set(ALIASES.values()) <= set(names)
    for words in FILTER_WORDS:
        assert check(f"{{{{ x | {words.written} }}}}") <= {"x"}
        assert 0 < len(words.says) <= 60
