"""Runs Python files as programs of their own that begin with the packages loaded: one fork for each.

One line of JSON in ({"file", "folder", "environment", "output"}), one line out: the exit code. What a program prints
goes into the file `output`, what it complains about into `output`.err.
"""

import importlib
import json
import os
import runpy
import signal
import sys
import traceback

PACKAGES = ("azure.ai.inference", "azure.identity", "dotenv", "httpx", "openai", "openai.resources")
MOST = 60  # seconds of one program


def program(file: str, folder: str, environment: dict[str, str], output: str) -> int:
    signal.alarm(MOST)
    for stream, path in ((1, output), (2, f"{output}.err")):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [file]
    try:
        runpy.run_path(file, run_name="__main__")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


for package in PACKAGES:
    importlib.import_module(package)
for line in sys.stdin:
    child = os.fork()
    if not child:
        code = program(**json.loads(line))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
    sys.stdout.flush()
