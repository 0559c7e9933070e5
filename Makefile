# What can be done here. `make` alone prints the list; each target carries its own help text.

PYTHON ?= python3
ROW ?=
PART ?=
FULL ?=
QUICK ?=
TARGET ?=
JOBS ?= 2
BIN := .venv/bin
SIDE_BY_SIDE := -n $(JOBS) --dist loadfile --no-loadscope-reorder
SOURCES := gateway crm_adapter config tests bench
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header -p 3.11
DEBIAN := chromium curl dovecot-imapd haproxy isync msmtp nodejs npm postfix strace swaks

.DEFAULT_GOAL := help
.PHONY: help run test check format e2e fuzz bench profile torture load lock docs words screenshots image clean

help: ## print this list
	@grep -E '^[.a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([.a-z0-9]+):.*## /\1\t/' | awk -F'\t' '{printf "  make %-11s %s\n", $$1, $$2}'

run: .venv ## start the whole product with a demo account, play a few mails, serve until Ctrl-C
	@$(BIN)/smartgate demo

test: .venv ## run every test that needs only Python packages, JOBS (2) at a time; the others say what they need
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE)

check: .venv ## format, lint, types, import contracts, dead code, dependencies
	$(BIN)/ruff format --check $(wildcard $(SOURCES))
	$(BIN)/ruff check $(wildcard $(SOURCES))
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/deptry .

format: .venv ## put the code into its form and mend what the linter can mend
	$(BIN)/ruff check --fix $(wildcard $(SOURCES))
	$(BIN)/ruff format $(wildcard $(SOURCES))

e2e: .venv ## install the Debian programs the tests meet (as root), then run everything; a skip is a failure
	DEBIAN_FRONTEND=noninteractive apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $(DEBIAN)
	SMARTGATE_NO_SKIPS=1 $(BIN)/python -m pytest $(SIDE_BY_SIDE) --cov --cov-report=term

fuzz: .venv ## feed hostile bytes to the parsers, FUZZ_SECONDS (600) a target; TARGET=… picks one of them
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-fuzz.lock
	@nice -n 10 $(BIN)/python -m tests.fuzz $(TARGET)

bench: .venv ## measure side by side with Postfix; ROW=… picks rows of the table, QUICK=1 one short round of each
	@$(BIN)/python -m bench $(if $(QUICK),--quick) $(ROW)

profile: .venv ## see where the server's time goes while the load of ROW=… runs: a summary and a flame graph in var/profile
	@$(BIN)/python -m bench profile $(ROW)

torture: .venv ## kill it, cut its power, lose its replies, make all fail; FULL=1 in full size, PART=… one part (needs strace, Dovecot)
	@nice -n 10 $(BIN)/python -m tests.crash $(if $(FULL),--full) $(PART)

load: .venv ## hold, drip, flood and stream at it while an honest sender mails; FULL=1 in full size, PART=… one part
	@$(BIN)/python -m tests.load $(if $(FULL),--full) $(PART)

lock: .venv ## write the lock files anew from pyproject.toml
	$(COMPILE) pyproject.toml --extra dev --extra e2e -o requirements-dev.lock
	$(COMPILE) pyproject.toml -c requirements-dev.lock -o requirements.lock
	$(COMPILE) pyproject.toml --extra fuzz -c requirements-dev.lock -o requirements-fuzz.lock

docs: .venv ## write the parts of docs/ and the sample settings file anew that are made from the code
	$(BIN)/python -m config
	$(BIN)/python -m tests.docs

words: .venv ## collect the sentences of the pages into the catalogues of gateway/web/locale, and tell what is untranslated
	$(BIN)/python -m tests.words

screenshots: .venv ## take pictures of every page of the console on the demo's data, into var/screenshots (needs Chromium)
	@$(BIN)/python -m tests.screenshots

image: ## build the container image smartgate:latest
	docker build -t smartgate:latest .

clean: ## remove what was made: .venv, caches, build output (not the store in var/)
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv: .venv/made ## make the environment from the hashed lock file; the command is .venv/bin/smartgate

.venv/made: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  found=$$($(PYTHON) --version 2>/dev/null) || found="not there"; \
	  echo "smartgate needs Python 3.11 or newer, but $(PYTHON) is $$found." >&2; \
	  echo "Name another one, for example: make PYTHON=python3.12 $(or $(MAKECMDGOALS),.venv)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' can't make virtual environments. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making .venv from the lock file: once, less than a minute ..."
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/# via/p' $< > .venv/uv.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.txt
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r $<
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "Made .venv; the command is .venv/bin/smartgate"
