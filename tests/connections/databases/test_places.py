"""Which files and hosts may be opened, and what is hidden in what a driver says."""

import os

import certifi
import pytest

from connections.databases.places import (
    FileRules,
    allowed_addresses,
    cannot_connect,
    hide_secrets,
    resolve,
    trusted_certificates,
)
from connections.foundry.destinations import Destinations
from connections.foundry.masking import SHORTEST
from connections.kinds.address import DataAddress
from connections.kinds.base import DataSourceError
from connections.secret import MASK


def refusal_of(job):
    with pytest.raises(DataSourceError) as refused:
        job()
    return refused.value.kind, refused.value.message


@pytest.fixture
def place(tmp_path):
    """A directory with a file, one of the product's own, one elsewhere, and links to both."""
    (tmp_path / "data" / "inner").mkdir(parents=True)
    for name in ("data/a.db", "data/own.db", "other.db"):
        (tmp_path / name).write_text("")
    os.link(tmp_path / "data/own.db", tmp_path / "data/hard.db")
    os.symlink(tmp_path / "other.db", tmp_path / "data/away.db")
    os.symlink(tmp_path / "data", tmp_path / "linked")
    return tmp_path


def test_a_file_is_opened_below_a_directory_that_is_listed(place):
    rules = FileRules([str(place / "linked")], [str(place / "gone.db"), str(place / "data/own.db")])
    for name in ("data/a.db", "linked/a.db", "data/inner/../a.db"):
        assert rules.check(str(place / name)) == str(place / "data/a.db")


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("other.db", "blocked_destination", "{} lies in no directory that may be opened."),
        ("data/away.db", "blocked_destination", "{} lies in no directory that may be opened."),
        ("data", "blocked_destination", "{} lies in no directory that may be opened."),
        ("data/own.db", "blocked_destination", "That is the database of this product."),
        ("data/hard.db", "blocked_destination", "That is the database of this product."),
        ("data/missing.db", "file_missing", "{}: No such file or directory."),
        ("data/inner", "file_missing", "{} is no file."),
    ],
)
def test_any_other_file_is_refused(place, name, kind, words):
    path = str(place / name)
    rules = FileRules([str(place / "data")], [str(place / "gone.db"), str(place / "data/own.db")])
    assert refusal_of(lambda: rules.check(path)) == (kind, words.format(path))


@pytest.mark.parametrize("host", ["a..b", "a" * 64])
def test_a_name_that_nobody_can_have_is_no_host(host):
    assert refusal_of(lambda: allowed_addresses(Destinations(), host, 5432)) == ("dns", f"There is no host {host}.")


async def test_a_host_is_connected_to_only_where_it_may_be():
    address = DataAddress("postgresql", "127.0.0.1", 5432)
    assert await resolve(Destinations.parse("127.0.0.1:5432"), address) == ["127.0.0.1"]
    kind, message = refusal_of(lambda: allowed_addresses(Destinations(), "127.0.0.1", 5432))
    assert (kind, "127.0.0.1:5432" in message) == ("blocked_destination", True)


def test_whoever_cannot_be_reached_is_named():
    address = DataAddress("postgresql", "h", 5432)
    assert cannot_connect(address).message == "h:5432 cannot be reached."
    assert cannot_connect(address, "no route").message == "h:5432 cannot be reached: no route."
    assert cannot_connect(address).kind == "connect"


def test_servers_are_checked_by_the_certificates_that_are_named(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/own.pem")
    assert trusted_certificates() == "/etc/own.pem"
    monkeypatch.delenv("SSL_CERT_FILE")
    assert trusted_certificates() == certifi.where()


@pytest.mark.parametrize("length", [4, SHORTEST - 1, SHORTEST])
def test_a_password_is_hidden_unless_it_would_be_found_in_ordinary_words(length):
    password = "q7_Z-w9Xk3Vb"[:length]
    assert len(password) == length
    assert hide_secrets(f"login {password} failed", ["", password]) == f"login {MASK} failed"
    assert hide_secrets("login abc failed", ["abc"]) == "login abc failed"
