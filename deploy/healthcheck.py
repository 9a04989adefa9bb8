"""Ends with status 0 while the server of this container answers, asked under a name that it goes by.

Reads what the server reads and nothing else, because it is started every few seconds: no Django.
"""

from __future__ import annotations

import http.client
import os
import sys

SECONDS = 4


def main() -> int:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    names = os.environ.get("FOUNDRYFLOW_HOSTS") or "localhost"
    host = names.partition(",")[0].strip().lstrip(".")
    path = f"{os.environ.get('FOUNDRYFLOW_PREFIX', '').rstrip('/')}/healthz"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", path, headers={"Host": "localhost" if host == "*" else host})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        sys.stderr.write(f"The server does not answer at port {port}: {error}\n")
        return 1
    if status != http.HTTPStatus.OK:
        sys.stderr.write(f"{path} answers {status}.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
