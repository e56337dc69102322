# Every target sets up what it needs, and only what changed. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
# A shell that forbids byte code (images do) makes each process compile its imports anew: two to four times the start.
unexport PYTHONDONTWRITEBYTECODE
UI_SOURCES := $(shell find frontend -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- set-up ------------------------------------------------------------------------------------------------

.PHONY: setup
setup: $(VENV)/.demo frontend/dist/.built ## Python environment and UI, ready to run
	@echo "Ready: $(BIN)/custard --help"

$(VENV)/.demo: requirements/demo.txt pyproject.toml
	@scripts/setup.sh venv $(VENV) requirements/demo.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml
	@scripts/setup.sh venv $(VENV) requirements/dev.txt
	@touch $(VENV)/.demo $@

.venv-studio/.ready: requirements/studio.txt pyproject.toml
	@scripts/setup.sh venv .venv-studio requirements/studio.txt
	@touch $@

frontend/node_modules/.ready: frontend/package-lock.json
	@scripts/setup.sh node frontend
	@touch $@

frontend/dist/.built: frontend/node_modules/.ready $(UI_SOURCES)
	@echo "· Building the UI" >&2
	@cd frontend && npm run --silent build >&2
	@touch $@

.PHONY: system
system: ## Install the system packages that tests use (root on Debian or Ubuntu)
	@scripts/setup.sh system

.PHONY: hooks
hooks: $(VENV)/.dev ## Install the pre-commit hooks
	@$(BIN)/pre-commit install

# --- run ---------------------------------------------------------------------------------------------------

.PHONY: demo
demo: $(VENV)/.demo frontend/dist/.built ## The whole system on embedded parts, answering in the browser
	@$(BIN)/custard demo $(ARGS)

.PHONY: studio
studio: .venv-studio/.ready ## LangGraph Studio's server with the demo agent attached
	@.venv-studio/bin/custard studio $(ARGS)

SUITE ?= bakery

.PHONY: evals
evals: $(VENV)/.demo ## Score a bundled suite with the local model: SUITE=bakery or demo
	@$(BIN)/custard eval run --suite $(SUITE) $(ARGS)

.PHONY: bench
bench: $(VENV)/.demo ## Measure, as ratios taken in one run
	@$(BIN)/custard bench $(ARGS)

.PHONY: image
image: ## Build the agent's image (docker, podman or buildah)
	@deploy/image.sh

# --- prove -------------------------------------------------------------------------------------------------

.PHONY: check
check: $(VENV)/.dev frontend/node_modules/.ready ## ruff, mypy --strict, import-linter, tsc, oxlint, generated client
	@scripts/setup.sh done "ruff check" $(BIN)/ruff check --no-cache .
	@scripts/setup.sh done "ruff format" $(BIN)/ruff format --check --no-cache .
	@scripts/setup.sh done "mypy --strict" $(BIN)/mypy
	@scripts/setup.sh done "import-linter" $(BIN)/lint-imports
	@scripts/setup.sh done "OpenAPI document" $(BIN)/python -m api.openapi --check frontend/openapi.json
	@scripts/setup.sh done "tsc, oxlint, generated client" npm --prefix frontend run --silent check

.PHONY: test
test: system $(VENV)/.dev .venv-studio/.ready frontend/dist/.built ## All set-up, then every test
	@$(BIN)/custard model pull
	@$(BIN)/python -m embedded.servers || echo "· Tests on those versions are skipped by name."
	@cd frontend && npm test --silent
	@$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder tests $(addprefix --ignore=,$(WHOLE)) $(ARGS)
	@cat artifacts/matrix-*.md 2>/dev/null || true
	@$(BIN)/pytest $(WHOLE) $(ARGS)
	@cat artifacts/bench.md 2>/dev/null || true

# Tests that start the whole chain, a Studio server or an image build, or measure: one after the other, with
# both cores.
WHOLE := tests/acceptance tests/studio tests/agent/test_image.py tests/evals/test_bench.py

.PHONY: servers
servers: system $(VENV)/.dev ## Every statement of the corpora, and the agent's tests, on PostgreSQL 13 to 18
	@$(BIN)/python -m embedded.servers
	@CUSTARD_WHOLE_CORPUS=1 $(BIN)/pytest tests/agent/servers $(ARGS)
	@CUSTARD_SERVERS="13 14 16 17" $(BIN)/pytest $(AGENT_ON_SERVERS) $(ARGS)

# What of the agent depends on the server's version.
AGENT_ON_SERVERS := tests/agent/sandbox tests/agent/test_execution.py tests/agent/test_introspect.py \
	tests/agent/test_healing.py tests/agent/test_session.py tests/agent/test_command.py

.PHONY: soak
soak: $(VENV)/.dev ## Random faults under load (MINUTES=10, SEED=…): no question may be lost
	@$(BIN)/python -m tests.faults.soak --minutes $(or $(MINUTES),10) $(addprefix --seed ,$(SEED))

.PHONY: fuzz
fuzz: $(VENV)/.dev ## Hunt for statements on which parsers and server disagree (MINUTES=10)
	@$(BIN)/python -m tests.agent.fuzz --minutes $(or $(MINUTES),10)

.PHONY: mutants
mutants: $(VENV)/.dev ## Take every rule of the sandbox's gate away, one at a time, and show what notices
	@CUSTARD_MUTANTS=1 $(BIN)/pytest -q --timeout=1800 tests/agent/corpus/test_rules.py

.PHONY: canary
canary: $(VENV)/.dev ## Poisoned rows, names and questions against a real model (MODEL=http://host:port/v1 NAME=its-name)
	@$(BIN)/python -m tests.canary --model $(MODEL) $(if $(NAME),--name $(NAME)) $(ARGS)

# --- keep --------------------------------------------------------------------------------------------------

.PHONY: lock
lock: ## Compile the hashed requirement files anew
	@scripts/setup.sh lock

.PHONY: client
client: $(VENV)/.dev frontend/node_modules/.ready ## Generate the OpenAPI document and the TypeScript client
	@$(BIN)/python -m api.openapi > frontend/openapi.json
	@npm --prefix frontend run --silent codegen

.PHONY: clean
clean: ## Remove environments and build output; data and models stay
	rm -rf .venv .venv-studio .uv frontend/node_modules frontend/dist build dist artifacts
