"""What is sent of the chart after an edit makes the chart that is shown into the one of the whole page."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from django.template.loader import render_to_string
from hypothesis import given, settings

from flows.designer.chart_changes import MOST_REGIONS, chart_regions
from flows.flowchart.chart import Flowchart
from flows.language.document import Document, parse
from flows.language.selection import duplicate_all, move_all
from foundryflow.regions import partial
from tests.language.test_merge import log
from tests.language.test_merge_of_any_edits import versions

VOID = ("input", "use", "path", "br", "hr", "img", "circle", "line", "rect")
FLOW = SimpleNamespace(slug="race", name="Race")


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    children: list[Element | str] = field(default_factory=list)

    def find(self, id: str) -> tuple[Element, int] | None:
        """Its parent and its place there."""
        for number, child in enumerate(self.children):
            if isinstance(child, Element):
                found = (self, number) if child.attributes.get("id") == id else child.find(id)
                if found:
                    return found
        return None

    def written(self) -> str:
        inner = "".join(each.strip() if isinstance(each, str) else each.written() for each in self.children)
        return f"<{self.tag} {sorted(self.attributes.items(), key=str)}>{inner}</>"


class Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("root", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, dict(attrs))
        self.open[-1].children.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def tree(html: str) -> Element:
    builder = Builder()
    builder.feed(html)
    assert len(builder.open) == 1
    return builder.open[0]


def rendered(chart: Flowchart) -> str:
    return render_to_string("designer/_flowchart.html", {"flow": FLOW, "chart": chart})


def swap(page: Element, html: str) -> None:
    """As htmx does it, with the partials in their order."""
    for target, style, body in re.findall(
        r'<hx-partial hx-target="#(.*?)" hx-swap="(\w+)">(.*?)</hx-partial>', html, re.S
    ):
        parent, number = page.find(target) or pytest.fail(f"There is no {target}.")
        new = [each for each in tree(body).children if isinstance(each, Element)]
        kept = [parent.children[number]] if style == "afterend" else []
        parent.children[number : number + 1] = [*kept, *new]


def without_numbers(html: str) -> str:
    """What numbers.js counts, and which card is chosen."""
    return re.sub(r"Step \d+ of \d+|\('data-at', '\d+'\)", "", html)


def chart(document: Document) -> Flowchart:
    return Flowchart(document)


@settings(max_examples=30, deadline=None)
@given(versions())
def test_what_is_sent_after_any_edit_makes_the_chart_of_the_page(made):
    base, one, other = made
    for before, now in ((base, one), (one, other)):
        page = tree(rendered(chart(before)))
        shared = {"flow": FLOW, "chart": chart(now)}
        for region in chart_regions(chart(before), chart(now), shared):
            swap(page, partial(region))
        assert without_numbers(page.written()) == without_numbers(tree(rendered(chart(now))).written())


def large(count: int) -> Document:
    return parse({"format": "foundryflow/1", "name": "Large", "actions": [log(f"n{n}") for n in range(count)]})


@pytest.mark.parametrize(
    "edit",
    [
        lambda found: found.insert(log("new"), at=150), lambda found: found.remove("n0"), lambda found: move_all(found, ["n9"], "up"),
        lambda found: duplicate_all(found, ["n7"])[0], lambda found: found.with_action("n5", title="New"),
        lambda found: found.with_inputs([{"name": "question", "type": "text"}]),
    ],
)  # fmt: skip
def test_one_edit_of_a_large_flow_is_small(edit):
    before = large(300)
    now = chart(edit(before))
    found = chart_regions(chart(before), now, {"flow": FLOW, "chart": now})
    assert sum(len(partial(region)) for region in found) < 8_000


def test_very_many_changes_are_the_whole_chart():
    before, now = large(300), chart(large(1))
    (region,) = chart_regions(chart(before), now, {"flow": FLOW, "chart": now})
    assert region.id == "flowchart"
    assert MOST_REGIONS < 299
