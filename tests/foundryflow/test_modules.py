"""Scripts of a page, and what they import."""

import re

from django.contrib.staticfiles.storage import staticfiles_storage
from django.template import Context, Template

from foundryflow.static_files import HashedFiles


def test_what_scripts_import_is_loaded_with_them_by_the_names_that_they_use():
    page = Template("{% load modules %}{% modules 'js/designer/main.js' 'js/runs/tree.js' %}").render(Context())
    scripts = re.findall(r'<script type="module" src="([^"]+)"', page)
    preloads = re.findall(r'<link rel="modulepreload" href="([^"]+)"', page)
    assert scripts == [staticfiles_storage.url(name) for name in ("js/designer/main.js", "js/runs/tree.js")]
    assert staticfiles_storage.url("js/session.js") in preloads
    assert not {*scripts} & {*preloads}
    assert len(preloads) == len({*preloads})


def test_imports_are_found_through_others_and_lazy_ones_are_not(tmp_path, settings):
    (tmp_path / "js").mkdir()
    (tmp_path / "a.js").write_text(
        'import { x,\n  y } from "./js/b.js";\nimport "./c.js";\nconst d = () => import("./d.js");\n'
    )
    (tmp_path / "js" / "b.js").write_text('export * from "../c.js";\nexport const folder = "./d.js";\n')
    (tmp_path / "c.js").write_text("export const x = 1;")
    (tmp_path / "d.js").write_text("")
    settings.STATICFILES_DIRS = [tmp_path]
    assert HashedFiles().imports_of(("a.js",)) == ("js/b.js", "c.js")


def test_the_large_editor_is_lazy():
    names = staticfiles_storage.imports_of(("js/designer/main.js", "js/playground/main.js"))
    assert not any("codemirror" in name for name in names)
    assert len(names) > 30
