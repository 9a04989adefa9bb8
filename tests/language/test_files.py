"""Files as values: known by their bytes, bounded, and a small reference in the run."""

import base64

import pytest

from flows.interpreter.inputs import first_scope
from flows.language.document import parse
from flows.language.errors import ActionError
from flows.language.files import (
    PART_SIZE,
    FileLimits,
    FileRefused,
    GivenFile,
    check_together,
    clean_name,
    files_in,
    holds_file,
    is_file,
    media_type_of,
    megabytes,
    read_data_uri,
    read_file,
    with_references,
)
from flows.language.values import convert
from flows.lint.linter import problems

LIMITS = FileLimits(1_000_000, 1_500_000)
PDF = b"%PDF-1.7 rest"


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0JFIF", "image/jpeg"),
        (b"GIF89a....", "image/gif"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
        (PDF, "application/pdf"),
        (b"\r\n\r\n%PDF-1.4", "application/pdf"),
        (b"RIFF\x10\x00\x00\x00WAVE", ""),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", ""),
        (b"%PDF", ""),
        (b"", ""),
    ],
)
def test_a_file_is_known_by_its_bytes(data, media_type):
    assert media_type_of(data) == media_type


def test_the_name_says_nothing_about_the_kind():
    file = read_file("photo.png", PDF, LIMITS)
    assert (file.media_type, file.name) == ("application/pdf", "photo.png")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"Hello", "is neither an image"),
        (b"%PDF-" + b"x" * 1_000_000, "is larger than 1 MB"),
    ],
)
def test_what_no_run_takes_is_refused_in_words(data, words):
    with pytest.raises(FileRefused, match=words):
        read_file("a.pdf", data, LIMITS)


def test_the_files_of_a_run_are_bounded_together_and_each_counts_once():
    one, other = (GivenFile("a", "application/pdf", PDF + letter * 900_000) for letter in (b"1", b"2"))
    check_together([one, one], LIMITS)
    with pytest.raises(FileRefused, match=r"are larger than 1.5 MB together"):
        check_together([one, other], LIMITS)


@pytest.mark.parametrize(
    "text",
    [
        "data:application/pdf;base64," + base64.b64encode(PDF).decode(),
        "data:application/pdf;name=bill%20of%20May.pdf;base64," + base64.b64encode(PDF).decode(),
        "DATA:;base64,\n" + base64.b64encode(PDF).decode() + "\n",
        "data:application/pdf,%25PDF-1.7%20rest",
        "data:image/png;base64," + base64.b64encode(PDF).decode(),
    ],
)
def test_a_data_uri_is_read(text):
    file = read_data_uri(text, LIMITS)
    assert (file.data, file.media_type) == (PDF, "application/pdf")
    assert file.name == ("bill of May.pdf" if "name=" in text else "file.pdf")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data:application/pdf;base64", "is no data URI"),
        ("data:application/pdf;base64,JVBERi0?", "is not base64"),
        ("data:application/pdf;base64,", "is empty"),
        ("data:application/pdf;base64," + "A" * 5_000_000, "is larger than 1 MB"),
        ("data:text/html;base64,PGI+", "is neither an image"),
    ],
)
def test_a_broken_data_uri_is_refused_in_words(text, words):
    with pytest.raises(FileRefused, match=words):
        read_data_uri(text, LIMITS)


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("C:\\Users\\me\\bill.pdf", "bill.pdf"),
        ("../../etc/passwd", "passwd"),
        ("a\x00b\n.pdf", "ab.pdf"),
        ("  ", "file.pdf"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("Rechnung für Mai.pdf", "Rechnung für Mai.pdf"),
    ],
)
def test_a_name_is_the_last_part_of_a_path(name, cleaned):
    assert clean_name(name, "application/pdf") == cleaned


def test_a_reference_says_what_it_is_without_the_bytes():
    file = read_file("a.pdf", PDF, LIMITS)
    inputs = with_references({"file": file, "other": 1})
    assert inputs == {
        "file": {"name": "a.pdf", "media_type": "application/pdf", "size": len(PDF), "sha256": file.sha256},
        "other": 1,
    }
    assert files_in({"file": file, "other": 1}) == [file]
    assert is_file(inputs["file"])
    assert holds_file([{"deep": inputs["file"]}])
    assert not holds_file([1, {"name": "a"}])
    assert "rest" not in repr(file)


def test_the_parts_of_a_file_join_without_a_seam():
    data = PDF + bytes(range(256)) * 2_000
    parts = list(GivenFile("a", "application/pdf", data).parts())
    assert len(parts) == -(-len(data) // PART_SIZE)
    assert base64.b64decode("".join(parts), validate=True) == data


def test_a_variable_of_type_file_takes_files_only():
    file = read_file("a.pdf", PDF, LIMITS)
    assert convert(file, "file") == convert(file.reference, "file") == file.reference
    for other in ("a.pdf", {"name": "a.pdf"}, {**file.reference, "more": 1}, [file.reference]):
        with pytest.raises(ValueError, match="is not a file"):
            convert(other, "file")


DOCUMENT = {
    "format": "foundryflow/1", "name": "x", "inputs": [{"name": "bill", "type": "file", "required": True}],
    "actions": [{"id": "log", "type": "log", "properties": {"message": "{{ bill.name }} {{ bill.size }}"}}],
}  # fmt: skip


def test_an_input_of_type_file_says_how_to_give_it():
    document = parse(DOCUMENT)
    with pytest.raises(ActionError) as failed:
        first_scope(document, {"bill": "bill.pdf"})
    assert failed.value.message == "The input bill is not a file."
    assert "data URI" in failed.value.hint
    with pytest.raises(ActionError, match="bill is missing"):
        first_scope(document, {})


def test_lint_knows_the_parts_of_a_file():
    assert not list(problems(parse(DOCUMENT)))
    inputs = [{"name": "bill", "type": "file", "default": "a.pdf"}]
    (problem,) = problems(parse({**DOCUMENT, "inputs": inputs}))
    assert "has no default" in problem.message


def test_a_file_and_those_of_a_run_may_be_as_large_as_their_limits():
    limits, largest, rest = FileLimits(1_000, 1_500), PDF.ljust(1_000), PDF.ljust(500)
    made = read_file("a.pdf", largest, limits)
    spelt = "".join(f"%{byte:02x}" for byte in largest)
    assert read_data_uri(f"data:application/pdf,{spelt}", limits) == read_file("", largest, limits)
    check_together([made, made, read_file("b.pdf", rest, limits)], limits)
    for refused in (
        lambda: read_file("a.pdf", largest + b" ", limits),
        lambda: read_data_uri("data:," + "x" * 4_012, limits),
    ):
        with pytest.raises(FileRefused, match="is larger than 1 KB"):
            refused()
    with pytest.raises(FileRefused, match="larger than 2 KB together"):
        check_together([made, read_file("b.pdf", rest + b" ", limits)], limits)


@pytest.mark.parametrize("data", ["data:application/pdf;base64,JVBE_", "data:application/pdf;base64,JVBERi0xLjc=x"])
def test_base64_of_another_alphabet_is_none(data):
    with pytest.raises(FileRefused, match="not base64"):
        read_data_uri(data, LIMITS)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (1, "1 KB"),
        (1_499, "1 KB"),
        (350_400, "350 KB"),
        (999_999, "1,000 KB"),
        (1_000_000, "1 MB"),
        (12_345_678, "12.3 MB"),
    ],
)
def test_a_size_is_said_in_words(size, words):
    assert megabytes(size) == words


def test_a_long_name_keeps_a_short_ending():
    longest = clean_name("x" * 500, "image/png")
    assert clean_name(longest, "image/png") == longest == "x" * len(longest)
    assert clean_name("x" * 500 + "." + "y" * 10, "image/png") == "x" * (len(longest) - 11) + "." + "y" * 10
    assert clean_name("x" * 500 + "." + "y" * 11, "image/png") == longest


def test_only_a_whole_reference_stands_for_a_file():
    reference = read_file("a.pdf", PDF, LIMITS).reference
    assert is_file(reference)
    for wrong in ({"size": "3"}, {"name": 3}, {"sha256": None}, {"media_type": "text/html"}, {"more": 1}):
        assert not is_file({**reference, **wrong})
    assert not is_file({name: value for name, value in reference.items() if name != "size"})
    assert not is_file([reference])


def test_gif_of_the_first_version_is_known():
    assert media_type_of(b"GIF87a....") == "image/gif"
    assert media_type_of(b"RIFF\x10\x00\x00\x00WAVEfmt ") == media_type_of(b"xRIFF" + b"\0" * 4 + b"WEBP") == ""
