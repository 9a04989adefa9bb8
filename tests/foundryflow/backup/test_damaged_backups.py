"""What is no whole backup of ours is refused in a sentence, before anything is written."""

import hashlib
import json
import random
import zipfile

import pytest

from foundryflow.backup import read
from foundryflow.backup.format import (
    EMPTY_SEAL,
    FORMAT,
    MANIFEST,
    SEAL,
    SIGNATURE,
    BackupError,
    SealedWriter,
    add_member,
)
from foundryflow.backup.level import Level
from foundryflow.backup.read import open_backup
from foundryflow.version import VERSION


def check(file):
    """What `restore --check` does."""
    with open_backup(file) as backup:
        Level().check(backup.manifest)
        backup.verify(lambda part, rows: None)


def forged(source, file, *, parts=None, change=lambda manifest: None):
    """A backup with a right seal, whose content somebody has changed."""
    with (
        zipfile.ZipFile(source) as old,
        file.open("wb") as out,
        zipfile.ZipFile(SealedWriter(out), "w", zipfile.ZIP_DEFLATED) as made,
    ):
        made.comment = EMPTY_SEAL
        manifest = json.loads(old.read(MANIFEST))
        change(manifest)
        for name in old.namelist():
            if name == MANIFEST:
                add_member(made, name, json.dumps(manifest).encode())
            elif (content := (parts or {}).get(name, b"")) is not None:
                add_member(made, name, content or old.read(name))
    return file


def refusal(file):
    with pytest.raises(BackupError) as refused:
        check(file)
    return str(refused.value)


def test_a_whole_backup_is_taken(filled_file, tmp_path):
    check(filled_file)
    check(forged(filled_file, tmp_path / "same"))


@pytest.mark.parametrize("part", [0.001, 0.1, 0.5, 0.99, 0.9999])
def test_one_that_was_cut_off(part, filled_file, tmp_path):
    file = tmp_path / "cut"
    content = filled_file.read_bytes()
    file.write_bytes(content[: int(len(content) * part)])
    assert refusal(file).endswith(("is not whole: it was cut off, or something was added. Take another backup.",
                                   "is no backup of FoundryFlow."))  # fmt: skip


def test_one_with_something_behind_it(filled_file, tmp_path):
    file = tmp_path / "longer"
    file.write_bytes(filled_file.read_bytes() + b"\n")
    assert "is not whole" in refusal(file)


def test_any_byte_that_is_another_one(filled_file, tmp_path):
    content = filled_file.read_bytes()
    chance = random.Random(1)  # noqa: S311 - no secret
    places = [0, 5, 10, 29, 30, 60, len(content) - 1, *(chance.randrange(len(content)) for _ in range(300))]
    for place in places:
        file = tmp_path / "flipped"
        file.write_bytes(content[:place] + bytes([content[place] ^ (1 << chance.randrange(8))]) + content[place + 1 :])
        assert refusal(file)


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"SQLite format 3\0" + bytes(4096), b"\x1f\x8b\x08", bytes(100_000), b"{}"], ids=len
)
def test_something_else(content, tmp_path):
    file = tmp_path / "foreign"
    file.write_bytes(content)
    assert refusal(file) == f"{file} is no backup of FoundryFlow."


def test_another_zip(tmp_path):
    file = tmp_path / "foreign.zip"
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("letter.txt", "Dear all")
    assert refusal(file) == f"{file} is no backup of FoundryFlow."


def test_no_file(tmp_path):
    assert refusal(tmp_path / "none") == f"There is no file {tmp_path / 'none'}."
    assert "cannot be read" in refusal(tmp_path)


def test_a_newer_format_and_newer_migrations(filled_file, tmp_path):
    def change(manifest):
        manifest.update(format=FORMAT + 1, foundryflow="9.9.9")

    sentence = f"This backup was made by FoundryFlow 9.9.9, which is newer than this one ({VERSION}):"
    assert refusal(forged(filled_file, tmp_path / "newer", change=change)).startswith(sentence)

    def migrate(manifest):
        manifest["migrations"].append("flows.0999_later")
        manifest["foundryflow"] = "9.9.9"

    assert refusal(forged(filled_file, tmp_path / "later", change=migrate)).startswith(sentence)


@pytest.mark.parametrize("key", ["tables", "migrations", "encryption_keys", "made_at"])
@pytest.mark.parametrize("value", [None, 7, [[]], {"a": {}}, "text", ...], ids=repr)
def test_a_manifest_that_is_none(key, value, filled_file, tmp_path):
    def change(manifest):
        if value is ...:
            del manifest[key]
        else:
            manifest[key] = value

    file = forged(filled_file, tmp_path / "odd", change=change)
    if key == "made_at" and value is not ...:
        return check(file)  # it is shown, and nothing else
    refusal(file)


def test_a_table_that_is_missing_or_another(filled_file, tmp_path):
    def leave_out(manifest):
        manifest["tables"] = [table for table in manifest["tables"] if table["table"] != "flows_run"]

    assert "flows_run" in refusal(forged(filled_file, tmp_path / "less", change=leave_out))

    def rename(manifest):
        manifest["tables"][0]["columns"][0][0] = 'id") VALUES (1); DROP TABLE flows_run; --'

    assert "tables" in refusal(forged(filled_file, tmp_path / "other", change=rename))


@pytest.mark.parametrize("row", [b"[]\n", b"{}\n", b"[1\n", b'["a"]\n', b"null\n", b"[" * 100_000 + b"\n", b"no end"])
def test_rows_that_are_none(row, filled_file, tmp_path):
    name = "rows/auth_group.jsonl"

    def change(manifest):
        for table in manifest["tables"]:
            if table["table"] == "auth_group":
                table.update(rows=1, bytes=len(row), sha256=hashlib.sha256(row).hexdigest())

    file = forged(filled_file, tmp_path / "odd", parts={name: row}, change=change)
    assert refusal(file).startswith("This backup is damaged")


def test_rows_that_the_manifest_does_not_know(filled_file, tmp_path):
    def change(manifest):
        for table in manifest["tables"]:
            table["sha256"] = "0" * 64

    assert "not those that it was made with" in refusal(forged(filled_file, tmp_path / "odd", change=change))


def test_a_zip_bomb(filled_file, tmp_path, monkeypatch):
    """Gigabytes of the same in a file of a few hundred kilobytes are not unpacked."""
    monkeypatch.setattr(read, "ALWAYS_ALLOWED", 1024 * 1024)
    bomb = bytes(64 * 1024 * 1024)

    def change(manifest):
        for table in manifest["tables"]:
            if table["table"] == "auth_group":
                table.update(bytes=len(bomb), sha256=hashlib.sha256(bomb).hexdigest())

    file = forged(filled_file, tmp_path / "bomb", parts={"rows/auth_group.jsonl": bomb}, change=change)
    assert "no backup is packed so tightly" in refusal(file)


def test_a_part_that_is_larger_than_it_says(filled_file, tmp_path):
    file = forged(filled_file, tmp_path / "bomb", parts={"rows/auth_group.jsonl": b"x" * 10_000_000})
    assert "parts are not those of its manifest" in refusal(file)


def test_a_part_that_is_not_there(filled_file, tmp_path):
    file = forged(filled_file, tmp_path / "less", parts={"rows/auth_group.jsonl": None})
    assert "parts are not those of its manifest" in refusal(file)


def test_the_command_says_it_and_touches_nothing(filled_file, new_sqlite, tmp_path):
    installation = new_sqlite()
    cut = tmp_path / "cut"
    cut.write_bytes(filled_file.read_bytes()[:9_000])
    for arguments in ([str(cut)], [str(cut), "--replace"], [str(cut), "--check"]):
        code, said = installation.manage("restore", *arguments)
        assert code == 1
        assert said.strip().endswith("Take another backup.")
        assert "Traceback" not in said
    assert not list(tmp_path.glob("*.sqlite3*"))


def test_the_seal_is_of_everything_before_it(filled_file):
    content = filled_file.read_bytes()
    assert content.endswith(SEAL + hashlib.sha256(content[: -len(EMPTY_SEAL)]).hexdigest().encode())
    assert content[30:].startswith(SIGNATURE.encode())
