"""What `WarmProcess` has loaded when it begins: packages that know no settings. Those, and what reads them, each
process loads itself."""

from __future__ import annotations

import gc
import importlib

PACKAGES = """
aiohttp axes.apps connections.foundry.client connections.limits.client connections.simulator.app csp.middleware
cryptography.fernet dj_database_url django.contrib.auth.hashers django.contrib.messages.middleware
django.contrib.staticfiles.finders django.core.handlers.asgi django.core.management.commands.migrate
django.db.backends.sqlite3.base django.db.migrations.executor django.db.models django.forms
django.template.context_processors django.template.loader_tags django.urls django.views.defaults django_htmx.middleware
encrypted_model_fields flows.actions.registry flows.interpreter.runner flows.lint.linter httpx_aiohttp jinja2.sandbox
jsonschema jwt markdown_it minijinja nh3 procrastinate psycopg.types.json psycopg_pool pydantic.functional_validators
pydantic.json_schema pydantic_monty pygments.lexers qrcode.image.svg requests yaml
re2 uvicorn.lifespan.on uvicorn.loops.uvloop uvicorn.protocols.http.httptools_impl whitenoise.middleware
""".split()  # noqa: SIM905

for package in PACKAGES:
    importlib.import_module(package)
gc.freeze()
