"""What a template became, with what was put into it marked."""

from hypothesis import given
from hypothesis import strategies as st

from flows.designer.in_place.resolved_values import LONGEST, ResolvedValue, parts_of, resolved_values


def test_the_values_that_were_put_in_are_marked():
    parts = list(parts_of("Answer in {{ customer.language }}, {{ tone }}.", "Answer in English, calmly, so to say."))
    assert parts == [("Answer in ", False), ("English", True), (", ", False), ("calmly, so to say", True), (".", False)]


def test_where_it_is_not_known_what_was_put_where_it_is_one_text():
    assert list(parts_of("{% if x %}{{ y }}{% endif %}", "text")) == [("text", False)]
    assert list(parts_of("Old {{ y }}", "New text")) == [("New text", False)]
    assert list(parts_of("{{ items }}", [1])) == [("[\n  1\n]", False)]


def test_only_templates_are_resolved_and_what_did_not_change_is_left_out():
    stored = {"a": "{{ x }}", "b": "plain", "c": "{{ later }}"}
    recorded = {"a": "1", "b": "plain", "c": "{{ later }}", "d": "other"}
    assert list(resolved_values(stored, recorded, 7)) == ["a"]


def test_of_a_large_value_the_beginning_is_shown():
    parts = list(parts_of("{{ x }}", "y" * 10_000))
    assert sum(len(text) for text, _ in parts) <= LONGEST + 1
    assert ResolvedValue(1, parts).is_long


@given(st.lists(st.tuples(st.text(alphabet="ab ", max_size=4), st.text(alphabet="abc", max_size=4)), max_size=5))
def test_the_parts_make_the_text_whatever_was_put_in(pairs):
    template = "".join(f"{literal}{{{{ x }}}}" for literal, _ in pairs)
    text = "".join(literal + value for literal, value in pairs)
    assert "".join(part for part, _ in parts_of(template, text)) == text
