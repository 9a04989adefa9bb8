"""Lines of templates, style sheets and scripts are at most 120 characters long.

python scripts/check_lines.py
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 120


def main() -> int:
    patterns = ("templates/**/*.html", "static/css/*.css", "static/js/**/*.js")
    long = [
        f"{path.relative_to(ROOT)}:{number}: {len(line)} characters"
        for pattern in patterns
        for path in sorted(ROOT.glob(pattern))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > LONGEST
    ]
    print("\n".join(long) if long else "No line is too long.")
    return 1 if long else 0


if __name__ == "__main__":
    sys.exit(main())
