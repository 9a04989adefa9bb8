"""The sample documents, without Django."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "documents"
DOCUMENTS = sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name: str) -> dict[str, Any]:
    """A fresh copy of tests/documents/<name>.json."""
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return loaded
