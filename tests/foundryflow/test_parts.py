"""Parts of a page that are rendered once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.template import Context, Engine
from django.urls import set_script_prefix

counted: list[str] = []


@dataclass(frozen=True)
class Shown:
    words: str

    @property
    def counted_words(self) -> str:
        counted.append(self.words)
        return self.words


def engine_of(part: str) -> Engine:
    pages = {"page.html": '{% load parts %}{% part "part.html" shown=shown %}', "part.html": part}
    loaders: Any = [("django.template.loaders.cached.Loader", [("django.template.loaders.locmem.Loader", pages)])]
    libraries = {"parts": "foundryflow.templatetags.parts", "ui": "foundryflow.templatetags.ui"}
    return Engine(loaders=loaders, libraries=libraries)


def rendered(engine: Engine, **values: Any) -> str:
    return engine.get_template("page.html").render(Context(values))


def test_what_looks_the_same_is_rendered_once() -> None:
    counted.clear()
    engine = engine_of("{{ shown.counted_words }}")
    assert [rendered(engine, shown=Shown(words)) for words in ("a", "b", "a", "<")] == ["a", "b", "a", "&lt;"]
    assert counted == ["a", "b", "<"]


def test_a_part_sees_nothing_but_what_it_is_given() -> None:
    assert rendered(engine_of("{{ shown.words }}{{ request }}{{ other }}"), shown=Shown("a"), other="b") == "a"


def test_a_template_that_has_changed_is_rendered_anew() -> None:
    assert rendered(engine_of("old"), shown=Shown("a")) == "old"
    assert rendered(engine_of("new"), shown=Shown("a")) == "new"


def test_addresses_in_a_part_follow_the_prefix() -> None:
    engine = engine_of('{% url "flows:list" %}')
    try:
        plain = rendered(engine, shown=Shown("a"))
        set_script_prefix("/below/")
        assert rendered(engine, shown=Shown("a")) != plain
    finally:
        set_script_prefix("/")
