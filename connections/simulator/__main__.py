"""`python -m connections.simulator --port 8765`"""

from __future__ import annotations

import argparse
import sys

import uvicorn

from connections.simulator.app import KEY, app


def serve(host: str, port: int) -> None:
    sys.stdout.write(f"The simulator answers at http://{host}:{port}/openai/v1 with the key: {KEY}\n")
    sys.stdout.flush()
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False, lifespan="off")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Answers like Microsoft Foundry, without a model.")
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=8765)
    given = arguments.parse_args()
    serve(given.host, given.port)
