"""Style and script come from this server, whole and small, and are asked for once."""

import gzip
import posixpath
import re
from http import HTTPStatus
from pathlib import Path

import brotli
import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.templatetags.static import static
from django.test import Client, RequestFactory

from foundryflow.static_files import HashedFiles, StaticFiles

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path.relative_to(ROOT / "static").as_posix() for path in (ROOT / "static").rglob("*") if path.is_file())
SCRIPTS = [name for name in FILES if name.startswith("js/")]
YEAR = "31536000"


def content(name):
    return (ROOT / "static" / name).read_bytes()


def test_a_file_comes_whole_with_its_type_and_length():
    response = Client().get("/static/css/base.css")
    assert response.status_code == 200
    assert response.content == content("css/base.css")
    assert response.headers["Content-Type"].startswith("text/css")
    assert int(response.headers["Content-Length"]) == len(response.content)
    assert "immutable" not in response.headers["Cache-Control"]


@pytest.mark.parametrize(
    "how", [("If-Modified-Since", "Last-Modified"), ("If-None-Match", "ETag")], ids=["by its time", "by its tag"]
)
@pytest.mark.parametrize("accepted", ["", "gzip, deflate, br"])
def test_a_file_that_did_not_change_is_not_sent_again(how, accepted):
    asks, told = how
    first = Client().get("/static/css/base.css", headers={"Accept-Encoding": accepted})
    again = Client().get("/static/css/base.css", headers={"Accept-Encoding": accepted, asks: first.headers[told]})
    assert (again.status_code, again.content) == (HTTPStatus.NOT_MODIFIED, b"")
    assert again.headers["Vary"] == "Accept-Encoding"


def test_a_head_request_brings_no_content_but_its_length():
    response = Client().head(static("vendor/htmx.min.js"), headers={"Accept-Encoding": "br"})
    whole = Client().get(static("vendor/htmx.min.js"), headers={"Accept-Encoding": "br"})
    assert (response.status_code, response.content) == (200, b"")
    for name in ("Content-Length", "Content-Encoding", "ETag", "Cache-Control", "Vary"):
        assert response.headers[name] == whole.headers[name]


def test_a_file_is_not_written():
    assert Client().post("/static/css/base.css").status_code == HTTPStatus.METHOD_NOT_ALLOWED


@pytest.mark.parametrize("name", FILES)
def test_a_name_with_a_hash_is_kept_for_a_year(name):
    address = static(name)
    assert re.fullmatch(rf"/static/{re.escape(name.rpartition('.')[0])}\.[0-9a-f]{{12}}\.\w+", address)
    response = Client().get(address)
    assert response.status_code == 200
    assert {"public", f"max-age={YEAR}", "immutable"} == set(response.headers["Cache-Control"].split(", "))
    assert response.headers["Content-Type"] == Client().get(f"/static/{name}").headers["Content-Type"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_import_each_other_by_the_names_with_a_hash(name):
    """Two names of one module would be two modules."""
    script = Client().get(static(name)).content.decode()
    imported = re.findall(r"""\b(?:from|import)\s*\(?["']([^"']+)["']""", script)
    assert len(imported) == len(re.findall(r"^import\b|\bimport\(", content(name).decode(), re.MULTILINE))
    folder = static(name).rpartition("/")[0]
    for address in imported:
        assert re.search(r"\.[0-9a-f]{12}\.js$", address)
        found = posixpath.normpath(f"{folder}/{address}")
        assert "immutable" in Client().get(found).headers["Cache-Control"]


def test_what_packages_brought_is_sent_as_it_is():
    for name in FILES:
        if name.startswith("vendor/"):
            assert Client().get(static(name)).content == content(name)


def test_a_hash_that_is_of_another_version_is_not_there_and_nobody_keeps_that():
    response = Client().get("/static/css/base.0123456789ab.css")
    assert response.status_code == HTTPStatus.NOT_FOUND
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("GZIP", "gzip"),
        ("gzip;q=0.0, identity", None),
        ("bronze", None),
        ("", None),
    ],
)
def test_a_file_is_compressed_as_the_browser_can_read_it(accepted, coding):
    address = static("vendor/htmx.min.js")
    response = Client().get(address, headers={"Accept-Encoding": accepted})
    read = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[coding]
    assert response.headers.get("Content-Encoding") == coding
    assert read(response.content) == content("vendor/htmx.min.js")
    assert int(response.headers["Content-Length"]) == len(response.content)
    assert response.headers["Vary"] == "Accept-Encoding"
    assert (len(response.content) < 15_000) == (coding is not None)


def test_each_form_of_a_file_has_a_tag_of_its_own():
    tags = {
        Client().get("/static/icons.svg", headers={"Accept-Encoding": coding}).headers["ETag"]
        for coding in ("", "br", "gzip")
    }
    assert len(tags) == 3


def test_who_asks_for_a_part_gets_the_whole():
    response = Client().get("/static/icons.svg", headers={"Range": "bytes=0-9", "Accept-Encoding": "br"})
    assert response.status_code == 200
    assert brotli.decompress(response.content) == content("icons.svg")


@pytest.fixture
def folder(tmp_path, settings):
    (tmp_path / "js").mkdir()
    (tmp_path / "small.css").write_text("a { background: url('shape.svg#x'); }")
    (tmp_path / "shape.svg").write_text("<svg/>")
    (tmp_path / "js" / "main.js").write_text('import { x } from "../other.js";\nimport "./more.js";\n')
    (tmp_path / "js" / "more.js").write_text("export const y = 1;")
    (tmp_path / "other.js").write_text("export const x = 1;")
    settings.STATICFILES_DIRS = [tmp_path]
    return tmp_path


def test_names_follow_the_content_of_everything_that_a_file_refers_to(folder):
    before = HashedFiles()
    assert before.open(before.hashed_files["small.css"]).read().decode() == (
        f'a {{ background: url("{before.hashed_files["shape.svg"]}#x"); }}'
    )
    (folder / "other.js").write_text("export const x = 2;")
    after = HashedFiles()
    changed = {name for name in after.hashed_files if after.hashed_files[name] != before.hashed_files[name]}
    assert changed == {"other.js", "js/main.js"}


def test_every_process_makes_the_same_names(folder):
    assert HashedFiles().hashed_files == HashedFiles().hashed_files


def test_a_reference_to_nothing_stops_the_start(folder):
    (folder / "js" / "main.js").write_text('import "./gone.js";')
    with pytest.raises(ValueError, match="gone"):
        HashedFiles()


def test_imports_may_be_as_deep_as_they_like(folder):
    for depth in range(12):
        (folder / "js" / f"a{depth:02}.js").write_text(f'import "./a{depth + 1:02}.js";')
    (folder / "js" / "a12.js").write_text("export const x = 1;")
    before = HashedFiles().hashed_files["js/a00.js"]
    (folder / "js" / "a12.js").write_text("export const x = 2;")
    assert HashedFiles().hashed_files["js/a00.js"] != before


def test_files_that_import_each_other_stop_the_start(folder):
    (folder / "js" / "more.js").write_text('import "./main.js";')
    with pytest.raises(ValueError, match="refers to itself"):
        HashedFiles()


def test_nothing_is_written_into_the_installation(folder):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    HashedFiles()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_while_somebody_works_on_a_file_it_is_read_from_the_disk(folder, settings):
    settings.DEBUG = settings.WHITENOISE_AUTOREFRESH = True
    assert HashedFiles().url("small.css") == "/static/small.css"
    serving = StaticFiles(lambda request: None)
    for style in ("a {}", "b {}"):
        (folder / "small.css").write_text(style)
        response = serving(RequestFactory().get("/static/small.css"))
        assert response.content == style.encode()
        assert "max-age=0" in response.headers["Cache-Control"]
    assert serving(RequestFactory().get("/static/js")) is None


def test_icons_are_one_file_with_a_hash():
    assert staticfiles_storage.url("icons.svg#plus") == f"{static('icons.svg')}#plus"
