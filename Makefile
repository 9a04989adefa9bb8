# Verbs: run, test, lint, bench, million, chaos, upgrade. `make run` is all a newcomer needs.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
SIMULATOR_PORT ?= 8765
MINUTES ?= 0
BIN := .venv/bin
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links
# Many processes start here; each would compile the sources again where the environment forbids to keep the result.
export PYTHONDONTWRITEBYTECODE =

.PHONY: run test lint bench million chaos upgrade env

run: .venv/installed .env
	@SIMULATOR_PORT=$(SIMULATOR_PORT) exec $(BIN)/python manage.py serve --host $(HOST) --port $(PORT)

test: .venv/installed-dev
	@scripts/get-chromium
	@scripts/get-node
	@scripts/get-nginx
	@scripts/get-curl
	$(BIN)/python -m pytest -n 4 --dist worksteal

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_dead.py
	$(BIN)/djangofmt --check --quiet templates
	$(BIN)/python scripts/check_lines.py
	$(BIN)/python scripts/check_vendor.py
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py makemigrations --check --dry-run

million: .venv/installed-dev
	$(BIN)/python -m benchmarks.million
	$(BIN)/python -m benchmarks.million --postgres
	$(BIN)/python -m benchmarks.backup
	$(BIN)/python -m benchmarks.backup --postgres

bench: .venv/installed-dev
	$(BIN)/python -m benchmarks.pages
	@scripts/get-chromium
	$(BIN)/python -m benchmarks.designer
	$(BIN)/python -m benchmarks.client
	$(BIN)/python -m benchmarks.runs
	$(BIN)/python -m benchmarks.api
	$(BIN)/python -m benchmarks.api --workers 1
	$(BIN)/python -m benchmarks.workers

# MINUTES=120 says how long each of the first three goes on at least.
chaos: .venv/installed-dev
	$(BIN)/python -m tests.chaos --rounds 20 --minutes $(MINUTES)
	$(BIN)/python -m tests.chaos --rounds 20 --minutes $(MINUTES) --postgres
	$(BIN)/python -m tests.chaos --rounds 20 --minutes $(MINUTES) --postgres --whole
	$(BIN)/python -m tests.chaos --kills 3 --killers 2
	$(BIN)/python -m tests.chaos --kills 3 --killers 2 --postgres

# The newest versions that requirements.in and requirements-dev.in allow, with everything below them.
upgrade: .venv/installed-dev
	$(COMPILE) --upgrade requirements.in -o requirements.txt
	$(COMPILE) --upgrade --constraints requirements.txt requirements-dev.in -o requirements-dev.txt

env: .env

# NEW=1 says that the database is a new one where that cannot be found out.
.env:
	@"$$(test -x $(BIN)/python && echo $(BIN)/python || echo $(PYTHON))" scripts/make_env.py $(if $(NEW),--new)

.venv/bin/python:
	@echo "Creating .venv …"
	@$(PYTHON) -m venv .venv

.venv/installed: requirements.txt | .venv/bin/python
	@echo "Installing packages …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt | .venv/bin/python
	@echo "Installing packages for development …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
