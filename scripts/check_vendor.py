"""Compares the vendored files with the hashes of vendor.lock.json."""

import hashlib
import json
import sys
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"


def problems() -> list[str]:
    lock = json.loads((VENDOR / "vendor.lock.json").read_text())
    locked = {name: sha for entry in lock["packages"] for name, sha in entry["files"].items()}
    present = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.iterdir()
        if path.name != "vendor.lock.json"
    }
    changed = [f"{name} is not what the lock says" for name in sorted(locked) if present.get(name) != locked[name]]
    return changed + [f"{name} is not in the lock" for name in sorted(set(present) - set(locked))]


if __name__ == "__main__":
    found = problems()
    print("\n".join(found) or "Vendored files match their lock.")
    sys.exit(bool(found))
