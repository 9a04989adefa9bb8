"""The real server behind a proxy: 127.0.0.1 is the proxy, 127.0.0.2 a stranger who calls directly."""

import http.client
import os
import re
import sqlite3
import stat
from urllib.parse import urlencode

import pytest

from foundryflow.database.sqlite_file import PrivateFile
from foundryflow.sign_in.setup_code import setup_code
from tests.processes import free_port, installed_on, listening, ran

PROXY, STRANGER = "127.0.0.1", "127.0.0.2"
HTTPS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "9.9.9.9, 20.1.1.1"}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Asks the server, which is reached by https below a path: the answer and its headers."""
    folder, port = tmp_path_factory.mktemp("served"), free_port()
    environment = {
        **installed_on(f"sqlite:///{folder}/test.sqlite3"),
        "FOUNDRYFLOW_HTTPS": "true",
        "FOUNDRYFLOW_PREFIX": "/below",
        "FOUNDRYFLOW_TRUSTED_PROXIES": PROXY,
        "FOUNDRYFLOW_SIMULATOR": "false",
    }

    def ask(path, headers=None, caller=PROXY, method="GET", form=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(caller, 0))
        try:
            connection.request(method, path, form, headers={**(headers or {}), "Host": "localhost"})
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode()
        finally:
            connection.close()

    with listening(["manage.py", "serve", "--port", str(port)], environment, [port]):
        yield ask, folder


def test_http_is_led_to_https_whatever_a_stranger_says(served):
    ask, _ = served
    for caller, headers in ((PROXY, {}), (STRANGER, {}), (STRANGER, HTTPS)):
        status, said, _ = ask("/below/login/", headers, caller)
        assert (status, said["Location"]) == (301, "https://localhost/below/login/")
        status, said, _ = ask("/below/api/flows?x=1", headers, caller, "POST")
        assert (status, said["Location"]) == (308, "https://localhost/below/api/flows?x=1")


def test_a_proxy_that_speaks_https_gets_the_page(served):
    ask, _ = served
    status, said, page = ask("/below/setup/", HTTPS)
    assert status == 200
    assert "Set up this server" in page
    assert said["Strict-Transport-Security"] == "max-age=31536000"
    assert "; Secure" in said["Set-Cookie"]
    assert "Path=/below/" in said["Set-Cookie"]
    assert ask("/below/api/flows", HTTPS)[0] == 401


@pytest.mark.parametrize("prefix", ["/below", ""])
def test_the_path_may_be_cut_off_by_the_proxy_or_not(served, prefix):
    ask, _ = served
    status, said, _ = ask(f"{prefix}/", HTTPS)
    assert (status, said["Location"]) == (302, "/below/login/?next=/below/")
    status, said, page = ask(f"{prefix}/setup/", HTTPS)
    style = re.search(r'href="/below(/static/css/base\.[0-9a-f]{12}\.css)"', page)
    assert style, page
    assert ask(f"{prefix}{style[1]}", HTTPS)[0] == 200
    assert ask(f"{prefix}/api/nothing", HTTPS)[0] == 404


def test_who_looks_whether_the_server_lives_needs_no_https(served):
    ask, _ = served
    assert ask("/healthz")[0] == ask("/below/healthz")[0] == 200


def test_the_database_is_for_its_owner_alone(served):
    _, folder = served
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    assert "test.sqlite3-wal" in modes


def test_passwords_are_not_guessed_through_the_proxy_by_making_up_where_one_comes_from(served):
    ask, _ = served

    def post(path, fields, forwarded):
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": forwarded}
        cookie = ask(path, headers)[1]["Set-Cookie"].partition(";")[0]
        form = urlencode({**fields, "csrfmiddlewaretoken": cookie.partition("=")[2]})
        page = {"Cookie": cookie, "Origin": "https://localhost", "Content-Type": "application/x-www-form-urlencoded"}
        return ask(path, {**headers, **page}, method="POST", form=form)[:2]

    ada = {"name": "Ada", "email": "ada@contoso.example", "password": "correct horse staple"}
    assert post("/below/setup/", ada, "20.1.1.1")[0] == 422
    status, said = post("/below/setup/", {**ada, "code": setup_code()}, "20.1.1.1")
    assert (status, said["Location"]) == (302, "/below/flows/")

    wrong = {"username": "ada@contoso.example", "password": "wrong"}
    answers = [post("/below/login/", wrong, f"9.9.9.{number}, 20.2.2.2")[0] for number in range(8)]
    assert answers == [422] * 7 + [429]
    right = {**wrong, "password": "correct horse staple"}
    assert post("/below/login/", right, "20.2.2.2")[0] == 429
    assert post("/below/login/", right, "20.3.3.3")[0] == 302


def test_a_database_that_others_may_read_is_tightened(tmp_path):
    file = tmp_path / "open.sqlite3"
    before = os.umask(0o022)
    try:
        sqlite3.connect(file).close()
        file.touch()
        file.chmod(0o644)
        sqlite3.connect(file, factory=PrivateFile).close()
        fresh = sqlite3.connect(tmp_path / "new.sqlite3", factory=PrivateFile)
        assert stat.S_IMODE((tmp_path / "new.sqlite3").stat().st_mode) == 0o600
        fresh.close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_second_connection_takes_no_lock_from_the_first(tmp_path):
    """Else another process would think that nobody is there, and clear away what is not yet in the file."""
    file = tmp_path / "shared.sqlite3"
    first = sqlite3.connect(file, factory=PrivateFile, isolation_level=None)
    first.execute("PRAGMA journal_mode=WAL")
    first.execute("CREATE TABLE things (name)")
    first.execute("BEGIN IMMEDIATE")
    first.execute("INSERT INTO things VALUES (1)")
    sqlite3.connect(file, factory=PrivateFile).close()
    _, said = ran(
        ["-c", "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT * FROM things')", str(file)], 30
    )
    first.execute("COMMIT")
    assert (tmp_path / "shared.sqlite3-wal").exists()
    assert said == ""
    first.close()
