"""Settings of the test run: keys made up on the spot, nothing of the developer's own .env."""

import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

os.environ["FOUNDRYFLOW_ENV_FILE"] = os.devnull
if url := os.environ.get("FOUNDRYFLOW_TEST_DATABASE_URL"):
    os.environ["FOUNDRYFLOW_DATABASE_URL"] = url
os.environ["FOUNDRYFLOW_SECRET_KEY"] = "only-for-tests-0123456789abcdefghijklmnop"
os.environ["FOUNDRYFLOW_ENCRYPTION_KEY"] = Fernet.generate_key().decode()

from foundryflow.settings import *  # noqa: F403 - the environment comes first

# A file, as in production: a database in memory has other locks.
_folder = tempfile.TemporaryDirectory()
if not POSTGRESQL:  # noqa: F405 - from the settings above
    DATABASES["default"]["NAME"] = f"{_folder.name}/default.sqlite3"  # noqa: F405 - not the one of the developer
    # The machine does not lose its power here.
    DATABASES["default"]["OPTIONS"]["init_command"] += " PRAGMA synchronous=OFF;"  # noqa: F405
    DATABASES["default"]["TEST"] = {"NAME": f"{_folder.name}/test.sqlite3"}  # noqa: F405
SAMPLES_DIRECTORY = Path(_folder.name) / "samples"
SQLITE_DIRECTORIES = [str(SAMPLES_DIRECTORY)]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
