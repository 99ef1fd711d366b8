# Everything lives in .venv and var/; nothing else on the machine is touched.
#   make run     the demo school on http://127.0.0.1:8080 (PORT=8099 changes the port)
#   make test    every test, on SQLite and PostgreSQL
#   make test-matrix  stories on a real Matrix homeserver, which it installs into .venv-matrix
#   make bench   how fast it is, as ratios to bare aiohttp (ARGS="fan_out --quick" runs a part)
#   make check   format, lint, types, import floors, content

PORT ?= 8080
BIN := .venv/bin
INSTALLED := .venv/.installed
DEVELOPING := .venv/.developing
HOMESERVER := .venv-matrix/.installed
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

.PHONY: run test test-matrix bench check install format lock clean

run: $(INSTALLED)
	@WARDEN_PORT=$(PORT) exec $(BIN)/warden-bot demo

# Whatever this shell says, what is compiled is kept: by the workers, for the programs that they start and the next time.
test: $(DEVELOPING)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest $(ARGS)

# Each file has a homeserver and a program of its own.
test-matrix: $(DEVELOPING) $(HOMESERVER)
	@$(BIN)/python -m pytest tests/matrix_server --dist loadfile $(ARGS)

bench: $(DEVELOPING)
	@$(BIN)/python -m bench $(ARGS)

check: $(DEVELOPING)
	@$(BIN)/ruff format --check --quiet . || { echo "make format puts this right."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/warden-bot content check

install: $(INSTALLED)

format: $(DEVELOPING)
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

# The hashes of every platform, and no registry's address. Needs uv: pip install uv.
lock:
	uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate -p 3.11 requirements.in -o requirements.lock
	uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate -p 3.11 requirements-dev.in -c requirements.lock -o requirements-dev.lock
	uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate -p 3.11 requirements-matrix.in -o requirements-matrix.lock

clean:
	rm -rf .venv .venv-matrix

$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python)."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "$(PYTHON) is not Python 3.11 or newer; install one (Debian, Ubuntu: apt install python3 python3-venv) or name it: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv module is missing (Debian, Ubuntu: apt install python3-venv)."; exit 1; }
	@echo "Installing into .venv (once, about half a minute)..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --no-index --editable .
	@$(BIN)/warden-bot content learn 2>/dev/null || true # only makes starts faster; `make check` says what is wrong
	@touch $@

$(DEVELOPING): $(INSTALLED) requirements-dev.lock
	@echo "Installing the tools for tests and checks (once)..."
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

# A server of its own, under a licence of its own (AGPL): only the tests start it, and nothing imports it.
$(HOMESERVER): requirements-matrix.lock | $(INSTALLED)
	@echo "Installing a Matrix homeserver into .venv-matrix (once, about half a minute)..."
	@test -x .venv-matrix/bin/python || $(PYTHON) -m venv .venv-matrix
	@.venv-matrix/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements-matrix.lock
	@touch $@
