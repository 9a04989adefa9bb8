"""What people paste for a database or a vault, and what is made of it."""

import pytest

from connections.kinds.address import AddressError, read_address
from connections.kinds.key_vault import parse_key_vault
from connections.kinds.postgresql import parse_postgresql
from connections.kinds.registry import KINDS
from connections.kinds.sql_server import parse_sql_server
from connections.kinds.sqlite import parse_sqlite
from connections.secret import Secret

ADO = (
    "Server=tcp:contoso.database.windows.net,1433;Initial Catalog=customers;Persist Security Info=False;"
    "User ID=reader;Password='p;w=1';MultipleActiveResultSets=False;Encrypt=True;TrustServerCertificate=False;"
)


@pytest.mark.parametrize(
    ("parse", "text", "url", "database", "user", "password"),
    [
        (parse_postgresql, "db.contoso.com", "postgresql://db.contoso.com:5432/", None, None, None),
        (parse_postgresql, " DB.contoso.com:6432 ", "postgresql://db.contoso.com:6432/", None, None, None),
        (parse_postgresql, "[::1]:5433", "postgresql://[::1]:5433/", None, None, None),
        (parse_postgresql, f"{'a' * 63}.x_1-y.b", f"postgresql://{'a' * 63}.x_1-y.b:5432/", None, None, None),
        (parse_postgresql, "postgresql://[::1]/d", "postgresql://[::1]:5432/", "d", None, None),
        (parse_postgresql, "h:1", "postgresql://h:1/", None, None, None),
        (parse_postgresql, "h:65535", "postgresql://h:65535/", None, None, None),
        (parse_postgresql, "host=h password='' user=\" a \" dbname='", "postgresql://h:5432/", "'", " a ", None),
        (parse_postgresql, "postgresql://h//d/", "postgresql://h:5432/", "d", None, None),
        (parse_sql_server, "sqlserver://h;Database=d", "sqlserver://h:1433/", "d", None, None),
        (parse_sql_server, "Address=h;user=u", "sqlserver://h:1433/", None, "u", None),
        (parse_sql_server, "serverName=h", "sqlserver://h:1433/", None, None, None),
        (parse_postgresql, " server=h;userid=u ", "postgresql://h:5432/", None, "u", None),
        (parse_postgresql, "host=h:6000 port=7000", "postgresql://h:6000/", None, None, None),
        (parse_sql_server, " TCP:h , 1500 ", "sqlserver://h:1500/", None, None, None),
        (parse_sql_server, "Data Source=h;UID=u;PWD=p", "sqlserver://h:1433/", None, "u", "p"),
        (parse_sql_server, "Addr=h;User=u;DatabaseName=d", "sqlserver://h:1433/", "d", "u", None),
        (parse_sql_server, "Network Address=h;UserName=u;Address=", "sqlserver://h:1433/", None, "u", None),
        (parse_sql_server, "MSSQL://h:1500/x;serverName=other", "sqlserver://h:1500/", None, None, None),
        (parse_sqlite, " file:///srv/x.db ", "sqlite:///srv/x.db", None, None, None),
        (parse_key_vault, "[::1]:8443", "https://[::1]:8443", None, None, None),
        (parse_key_vault, " HTTPS://V.vault.azure.net:443/ ", "https://v.vault.azure.net", None, None, None),
        (parse_postgresql, "postgres://u:p%40ss@h/d%20b?sslmode=disable", "postgresql://h:5432/", "d b", "u", "p@ss"),
        (parse_postgresql, "host=h port=6000 dbname=d user=u password='p w'", "postgresql://h:6000/", "d", "u", "p w"),
        (
            parse_postgresql,
            r"host=h password='it\'s \\ mine' dbname=d",
            "postgresql://h:5432/",
            "d",
            None,
            "it's \\ mine",
        ),
        (parse_postgresql, "Host=h;Database=d;Username=u;Password='it''s'", "postgresql://h:5432/", "d", "u", "it's"),
        (parse_postgresql, 'Host=h;Password="a""b";Database=d', "postgresql://h:5432/", "d", None, 'a"b'),
        (parse_sql_server, "Server=h;Password='a\\';Database=d", "sqlserver://h:1433/", "d", None, "a\\"),
        (
            parse_sql_server,
            "Driver={ODBC Driver 18 for SQL Server};Server=tcp:h,1433;Database=d;Uid=u;Pwd={p;w}}x};Encrypt=yes;",
            "sqlserver://h:1433/",
            "d",
            "u",
            "p;w}x",
        ),
        (
            parse_sql_server,
            "jdbc:sqlserver://h;user=u;password={p;w};database=d",
            "sqlserver://h:1433/",
            "d",
            "u",
            "p;w",
        ),
        (parse_sql_server, "Server=h;Database=d;User ID=u;Password={p}", "sqlserver://h:1433/", "d", "u", "{p}"),
        (
            parse_sql_server,
            "contoso.database.windows.net",
            "sqlserver://contoso.database.windows.net:1433/",
            None,
            None,
            None,
        ),
        (parse_sql_server, "tcp:sql.contoso.com,1500", "sqlserver://sql.contoso.com:1500/", None, None, None),
        (parse_sql_server, ADO, "sqlserver://contoso.database.windows.net:1433/", "customers", "reader", "p;w=1"),
        (
            parse_sql_server,
            "jdbc:sqlserver://h:1433;database=d;user=u;password=pw",
            "sqlserver://h:1433/",
            "d",
            "u",
            "pw",
        ),
        (parse_sqlite, "/srv/data/a b.db", "sqlite:///srv/data/a%20b.db", None, None, None),
        (parse_sqlite, "sqlite:////srv/data/../x.db", "sqlite:///srv/x.db", None, None, None),
        (parse_key_vault, "contoso-vault", "https://contoso-vault.vault.azure.net", None, None, None),
        (parse_key_vault, "https://v.vault.azure.net/secrets/a/b?c", "https://v.vault.azure.net", None, None, None),
        (parse_key_vault, "https://localhost:8443", "https://localhost:8443", None, None, None),
    ],
)
def test_an_address_is_recognised_in_whatever_is_pasted(parse, text, url, database, user, password):
    pasted = parse(text)

    assert pasted.address.url == url
    assert read_address(url) == pasted.address
    assert (pasted.database, pasted.user) == (database, user)
    assert pasted.password == (Secret(password) if password else None)
    assert parse(pasted.address.typed).address == pasted.address


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_postgresql, "two words"),
        (parse_postgresql, "h:0"),
        (parse_postgresql, "h:65536"),
        (parse_postgresql, "h:70000"),
        (parse_postgresql, "postgresql://h:port/d"),
        (parse_postgresql, "a/b"),
        (parse_postgresql, "h?x=1"),
        (parse_postgresql, "a..b"),
        (parse_postgresql, f"{'a' * 64}.com"),
        (parse_postgresql, ".".join(["a" * 63] * 4)),
        (parse_key_vault, "https://a..vault.azure.net"),
        (parse_sql_server, "server=;database=x"),
        (parse_sql_server, "host\\instance"),
        (parse_sqlite, "relative.db"),
        (parse_sqlite, "file:x?mode=rw"),
        (parse_sqlite, "/srv/a\0b"),
        (parse_key_vault, "https://v.vault.azure.net:port"),
        (parse_key_vault, "http://v.vault.azure.net"),
        (parse_key_vault, "https://u:p@v.vault.azure.net"),
        (parse_key_vault, "https://"),
        (KINDS["foundry"].parse, "anything"),
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence(parse, text):
    with pytest.raises(AddressError, match=r"\."):
        parse(text)


@pytest.mark.parametrize("url", ["", "postgresql://h:x/", "postgresql://h:1/d?encryption=perhaps"])
def test_what_is_stored_and_broken_raises(url):
    with pytest.raises(AddressError):
        read_address(url)


@pytest.mark.parametrize(
    ("parse", "text", "encryption"),
    [
        (parse_postgresql, "postgresql://h/d?sslmode=disable", "plain"),
        (parse_postgresql, "postgresql://h/d?sslmode=require", "unverified"),
        (parse_postgresql, "host=h sslmode=verify-ca", "verified"),
        (parse_postgresql, "host=h sslmode=verify-full", "verified"),
        (parse_postgresql, "host=h sslmode=prefer", None),
        (parse_postgresql, "h", None),
        *((parse_sql_server, f"server=h;encrypt={word}", "plain") for word in ("false", "No", "optional")),
        *((parse_sql_server, f"server=h;trustservercertificate={word}", "unverified") for word in ("True", "yes")),
        (parse_sql_server, "server=h;encrypt=true;trustservercertificate=yes", "unverified"),
        (parse_sql_server, "server=h;encrypt=Strict;trustservercertificate=no", "verified"),
        (parse_sql_server, "server=h", None),
    ],
)
def test_how_it_is_encrypted_is_read_where_it_is_said(parse, text, encryption):
    assert parse(text).encryption == encryption


def test_encryption_survives_in_the_address():
    address = read_address("postgresql://h:5432/d?encryption=plain")
    assert (address.encryption, address.url) == ("plain", "postgresql://h:5432/d?encryption=plain")
