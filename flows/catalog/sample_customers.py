"""The database of the sample All customers: who they are, and their keys in a table of their own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import product
from pathlib import Path

COMPANIES = (
    "A. Datum", "Adventure Works", "Alpine Ski House", "Bellows College", "Best For You Organics",
    "Blue Yonder Airlines", "City Power & Light", "Coho Winery", "Consolidated Messenger", "Contoso",
    "Fabrikam", "Fourth Coffee", "Graphic Design Institute", "Humongous Insurance", "Lamna Healthcare",
    "Liberty's Delightful Bakery", "Litware", "Lucerne Publishing", "Margie's Travel", "Munson's Farm",
    "Northwind Traders", "Proseware", "Relecloud", "School of Fine Art", "Southridge Video",
    "Tailspin Toys", "The Phone Company", "Trey Research", "VanArsdel", "Wide World Importers",
    "Wingtip Toys", "Woodgrove Bank", "First Up Consultants", "Nod Publishers", "Tailwind Traders",
    "Boulder Innovations", "Fincher Architects", "Parnell Aerospace", "Olive Grove Foods", "Harbor Tools",
)  # fmt: skip
CITIES = (
    "Amsterdam", "Athens", "Berlin", "Boston", "Chicago", "Copenhagen", "Dublin", "Geneva", "Hamburg", "Helsinki",
    "Lisbon", "London", "Lyon", "Madrid", "Milan", "Munich", "Oslo", "Paris", "Porto", "Prague", "Rome", "Seattle",
    "Stockholm", "Vienna", "Zurich",
)  # fmt: skip
KEYS = 50  # distinct ones, of 1,000 customers
REVOKED = ("simulator-17-revoked", "simulator-42-revoked")
DEPLOYMENT, SPENT_DEPLOYMENT, THROTTLED_DEPLOYMENT = "fast-gpt-4o-mini", "insufficient-quota", "rate-limit-reached"
SPENT, THROTTLED, WITHOUT_KEY = range(100, 109), range(500, 505), (250, 750)  # numbers of customers


def write_customers(path: Path, endpoint: str) -> None:
    """Writes the file unless it is there. Raises OSError."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    names = [f"{company}, {city}" for company, city in product(COMPANIES, CITIES)]
    with closing(sqlite3.connect(unfinished)) as database, database:
        database.execute("CREATE TABLE customers (name TEXT PRIMARY KEY, endpoint TEXT, deployment TEXT)")
        database.execute("CREATE TABLE credentials (customer TEXT PRIMARY KEY, api_key TEXT)")
        database.executemany(
            "INSERT INTO customers VALUES (?, ?, ?)",
            [(name, endpoint, deployment_of(number)) for number, name in enumerate(names)],
        )
        database.executemany(
            "INSERT INTO credentials VALUES (?, ?)", [(name, key_of(number)) for number, name in enumerate(names)]
        )
    unfinished.chmod(0o600)
    unfinished.rename(path)


def deployment_of(number: int) -> str:
    return SPENT_DEPLOYMENT if number in SPENT else THROTTLED_DEPLOYMENT if number in THROTTLED else DEPLOYMENT


def key_of(number: int) -> str | None:
    if number in WITHOUT_KEY:
        return None
    key = f"simulator-{number % KEYS:02d}"
    return next((revoked for revoked in REVOKED if revoked.startswith(key)), key)
