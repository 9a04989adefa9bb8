"""SQL Server's side of the client against a stand-in: what goes over the wire, no real server."""

import asyncio
import datetime
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connections.databases.client import DatabaseClient
from connections.databases.query import DatabaseQuery
from connections.foundry.destinations import Destinations
from connections.foundry.values import Identity
from connections.kinds.address import DataAddress
from connections.kinds.base import DataSourceError, DataTarget
from connections.secret import Secret
from tests.connections.databases.conftest import PASSWORD
from tests.connections.databases.tds_stand_in import TdsStandIn


class Tokens:
    async def token(self, identity, scope, *, fresh=False):
        return Secret(f"token for {scope}")

    async def aclose(self):
        pass


@pytest.fixture
def certificate(tmp_path, monkeypatch):
    """For localhost, trusted by SSL_CERT_FILE."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in")]),
    )
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, pem = tmp_path / "server.pem", serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(made.public_bytes(pem) + private)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.fixture
def server():
    made = TdsStandIn(PASSWORD)
    yield made
    made.close()


@pytest.fixture
def encrypted(certificate):
    made = TdsStandIn(PASSWORD, certificate)
    yield made
    made.close()


def target(server, encryption="plain", host="localhost", **changed):
    address = DataAddress("sqlserver", host, server.port, "crm", encryption)
    given = {"name": "crm", "kind": "sql_server", "address": address, "user": "reader", "password": Secret(PASSWORD)}
    return DataTarget(**{**given, **changed})


async def failure(client, target, query):
    with pytest.raises(DataSourceError) as failed:
        await client.query(target, query)
    assert PASSWORD not in f"{failed.value} {failed.value.raw}"
    return failed.value


@pytest.mark.parametrize("encryption", ["plain", "verified"])
async def test_a_query_is_rolled_back_and_its_parameters_are_bound(client, server, encrypted, encryption):
    chosen = server if encryption == "plain" else encrypted
    sql = "SELECT n, name FROM customers WHERE name LIKE '%a' AND id = :id AND note = %(note)s"
    found = await client.query(target(chosen, encryption), DatabaseQuery(sql, {"id": 7, "note": "'; DROP"}))

    assert (found.columns, found.rows) == (("n", "name"), [(1, "Ada"), (2, None)])
    assert chosen.logins[0] | {"token": ""} == {
        "user": "reader", "password": PASSWORD, "server": "localhost", "database": "crm", "token": "",
    }  # fmt: skip
    statement = "SELECT n, name FROM customers WHERE name LIKE '%a' AND id = @P1 AND note = @P2"
    assert chosen.seen == ["begin", "SET TEXTSIZE 5000001", statement, "rollback"]
    assert "'; DROP".encode("utf-16-le") in chosen.requests[0]


async def test_changes_are_committed_where_they_are_allowed(client, server):
    changed = await client.query(target(server), DatabaseQuery("UPDATE customers SET a = 1", may_change=True))
    assert (changed.columns, changed.changed) == (None, 3)
    assert server.seen[-1] == "commit"


async def test_an_error_has_its_number_and_leaves_the_connection_clean(client, server):
    error = await failure(client, target(server), DatabaseQuery("SELECT nope"))
    assert (error.kind, error.sqlstate) == ("query", "207")
    assert "Invalid column name 'nope'" in error.message
    assert (await client.query(target(server), DatabaseQuery("SELECT 1"))).rows[0] == (1, "Ada")
    assert len(server.logins) == 1


@pytest.mark.parametrize("encryption", ["plain", "verified"])
async def test_rows_without_end_stop_at_the_limit(client, server, encrypted, encryption):
    chosen = server if encryption == "plain" else encrypted
    error = await failure(client, target(chosen, encryption), DatabaseQuery("SELECT * FROM endless", most_rows=100))
    assert error.kind == "too_many_rows"
    assert chosen.seen[-2:] == ["attention", "rollback"]


@pytest.mark.parametrize("encryption", ["plain", "verified"])
async def test_what_takes_too_long_or_is_cancelled_is_stopped_at_the_server(client, server, encrypted, encryption):
    chosen = server if encryption == "plain" else encrypted
    slow = "WAITFOR DELAY '01:00'"
    assert (await failure(client, target(chosen, encryption), DatabaseQuery(slow, timeout=0.5))).kind == "timeout"
    task = asyncio.create_task(client.query(target(chosen, encryption), DatabaseQuery(slow, timeout=60)))
    while chosen.seen.count(slow) < 2:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert chosen.seen.count("attention") == 2


async def test_a_token_signs_in_instead_of_a_password(encrypted):
    encrypted.password = "token for https://database.windows.net/.default"
    client = DatabaseClient(Destinations.parse("127.0.0.0/8"), tokens=Tokens())
    signed = target(encrypted, "verified", identity=Identity("client_secret", "t", "c", Secret("s" * 20)))
    check = await client.sign_in(signed)
    assert check.ok, check.sentence
    assert (encrypted.logins[0]["user"], encrypted.logins[0]["password"]) == ("", "")
    # Nothing of this server itself goes to a host that nobody listed by its name.
    own = await client.sign_in(target(encrypted, "verified", identity=Identity("managed_identity")))
    assert (own.ok, own.kind, len(encrypted.logins)) == (False, "sign_in", 1)
    await client.aclose()


async def test_a_wrong_password_is_refused_in_a_sentence(client, server):
    check = await client.sign_in(target(server, password=Secret("wrong-password-000")))
    assert (check.ok, check.kind) == (False, "sign_in")
    assert "Login failed for user 'reader'" in check.sentence
    assert "wrong-password" not in check.sentence


@pytest.mark.parametrize(
    ("host", "encryption", "trusted", "words"),
    [
        ("127.0.0.1", "verified", True, "IP address mismatch"),
        ("localhost", "verified", False, "self-signed certificate"),
    ],
)
async def test_a_certificate_that_does_not_fit_ends_the_sign_in(
    client, encrypted, monkeypatch, host, encryption, trusted, words
):
    if not trusted:
        monkeypatch.delenv("SSL_CERT_FILE")
    check = await client.sign_in(target(encrypted, encryption, host))
    assert (check.ok, check.kind) == (False, "tls"), check.sentence
    assert words in check.sentence
    assert encrypted.logins == []
    assert (await client.sign_in(target(encrypted, "unverified", host))).ok


async def test_encryption_that_is_asked_for_is_never_left_out(client, server, encrypted):
    check = await client.sign_in(target(server, "verified"))
    assert not check.ok
    assert server.logins == []


async def test_a_server_that_sends_us_elsewhere_is_followed_only_where_we_may_go(client, server):
    second = TdsStandIn(PASSWORD)
    server.route = ("localhost", second.port)
    assert (await client.query(target(server), DatabaseQuery("SELECT 1"))).rows[0] == (1, "Ada")
    assert len(second.logins) == 1
    picky = DatabaseClient(Destinations.parse(f"localhost:{server.port}"))
    check = await picky.sign_in(target(server))
    assert (check.ok, check.kind) == (False, "blocked_destination"), check.sentence
    assert len(second.logins) == 1
    await picky.aclose()
    second.close()


async def test_nobody_there_is_said_at_once(client, server):
    server.close()
    free = TdsStandIn(PASSWORD)
    free.close()
    check = await client.sign_in(target(free))
    assert (check.ok, check.kind) == (False, "connect"), check.sentence
    assert check.latency_ms < 3_000
