"""Writes a private .env with a secret key and an encryption key; leaves an existing one alone.

New keys beside a database of old ones would lock everything that is stored in it away, so there are none then.
`--new` says that the database is a new one where that cannot be found out.
"""

import base64
import os
import secrets
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
KEYS = {
    "FOUNDRYFLOW_SECRET_KEY": lambda: secrets.token_urlsafe(50),
    "FOUNDRYFLOW_ENCRYPTION_KEY": lambda: base64.urlsafe_b64encode(os.urandom(32)).decode(),
}
FORMER = (
    "The keys of a database are those of its former .env: put that back from the backup (or set"
    " FOUNDRYFLOW_SECRET_KEY and FOUNDRYFLOW_ENCRYPTION_KEY in the environment). Without the encryption key nothing"
    " secret in it can be read."
)


def main() -> None:
    target = ROOT / ".env"
    missing = [name for name in KEYS if not (os.environ.get(name) or os.environ.get(f"{name}_FILE"))]
    if target.exists():
        print(f"{target.name} is already there.")
    elif not missing:
        print("The keys come from the environment.")
    elif "FOUNDRYFLOW_ENCRYPTION_KEY" in missing and "--new" not in sys.argv and (found := database()):
        sys.exit(f"No new keys were made, because {found} {FORMER}")
    else:
        write(target, missing)


def database() -> str:
    """Which database is there already, as a sentence; empty when there is none."""
    url = os.environ.get("FOUNDRYFLOW_DATABASE_URL") or os.environ.get("DATABASE_URL")
    if not url or url.startswith("sqlite:"):
        file = Path(unquote(urlsplit(url).path)[1:]) if url else ROOT / "foundryflow.sqlite3"
        file = ROOT / file
        return f"the database {file.name} is there." if file.is_file() and holds_tables(file) else ""
    try:
        return "the database of DATABASE_URL is there." if is_filled(url) else ""
    except Exception as error:  # whatever keeps us from looking
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        return f"nobody can tell whether DATABASE_URL holds a database ({why}). If it is new, `make env NEW=1`."


def holds_tables(file: Path) -> bool:
    """Also of a file that cannot be read: whatever it is, it is not new. One that was only opened holds none."""
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    except sqlite3.Error:
        return True


def is_filled(url: str) -> bool:
    """Whether an installation has been there. Needs the packages that `make run` installs first."""
    import psycopg

    with psycopg.connect(url.replace("postgres://", "postgresql://", 1), connect_timeout=5) as connection:
        found = connection.execute("SELECT to_regclass('django_migrations') IS NOT NULL").fetchone()
    return bool(found and found[0])


def write(target: Path, missing: list[str]) -> None:
    lines = [
        "# Private to this installation. Back it up: without the encryption key no stored API key can be read.",
        *(f"{name}={KEYS[name]()}" for name in missing),
        "",
    ]
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        print(f"{target.name} is already there.")
        return
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines))
    print(f"Wrote {target.name} with new keys.")


main()
