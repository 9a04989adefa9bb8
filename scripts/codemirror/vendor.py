"""Puts a built bundle beside the other vendored files: with the licences of what is in it, and in the lock."""

import hashlib
import json
import re
import shutil
import sys
from pathlib import Path

NAME, LICENCES = "codemirror.min.js", "codemirror-LICENSE.txt"


def bundled(work: Path) -> list[str]:
    """The packages that are in the bundle."""
    inputs = json.loads((work / "meta.json").read_text())["inputs"]
    found = (re.match(r"node_modules/((?:@[^/]+/)?[^/]+)/", path) for path in inputs)
    return sorted({match[1] for match in found if match})


def licences_of(work: Path, packages: list[str]) -> str:
    """Each licence once, below the packages that have it."""
    by_text: dict[str, list[str]] = {}
    for package in packages:
        folder = work / "node_modules" / package
        version = json.loads((folder / "package.json").read_text())["version"]
        text = (folder / "LICENSE").read_text().strip()
        by_text.setdefault(text, []).append(f"{package} {version}")
    return "\n\n".join(f"{', '.join(names)}\n\n{text}" for text, names in by_text.items()) + "\n"


def main(work: Path, vendor: Path) -> None:
    packages = bundled(work)
    shutil.copy(work / NAME, vendor / NAME)
    (vendor / LICENCES).write_text(licences_of(work, packages))
    lock = json.loads((vendor / "vendor.lock.json").read_text())
    others = [entry for entry in lock["packages"] if entry["name"] != "codemirror"]
    view = json.loads((work / "node_modules/@codemirror/view/package.json").read_text())["version"]
    files = {name: hashlib.sha256((vendor / name).read_bytes()).hexdigest() for name in (NAME, LICENCES)}
    made = {
        "name": "codemirror",
        "version": f"6, view {view}",
        "licence": "MIT",
        "source": "npm packages by scripts/codemirror/package-lock.json, bundled by scripts/codemirror/build",
        "files": files,
    }
    lock["packages"] = sorted([*others, made], key=lambda entry: entry["name"])
    (vendor / "vendor.lock.json").write_text(json.dumps(lock, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
