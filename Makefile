# `make run` and `make test` set up what they need; `make` alone lists everything.

SERVICES := auth_service social_service chat_service
PARTS := gateway $(SERVICES) shared
PRODUCT := deploy tests
WITH_DATABASE := $(SERVICES) shared
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadgroup
MEASURE := $(subst python -m,coverage run -m,$(PYTEST)) -o timeout=300
# Extras stay in the locks, and nothing is resolved when they are installed: an old pip that meets
# a newer release on the index would look past the pins for `name[extra]`.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-strip-extras --no-header --no-annotate shared/pyproject.toml
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes
CHECK_INSTALLED := $(BIN)/python -m pip check --disable-pip-version-check
PINNED := --constraint requirements-dev.txt
# axe-core for the tests of the web client, what checks its types and style, and types of manifests.
NODE_MODULES := $(if $(shell command -v npm),web/node_modules)
TO_RUN := --all-extras $(wildcard */requirements.in)

# Programs start a third faster from compiled modules.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run secrets demo screens test test-all test-rules test-database test-product \
	test-rest test-postgres test-web test-containers coverage bench soak attack lint lint-web format \
	lock audit sbom docs migrate backup restore verify chaos clean

help: ## List the targets
	@grep -hE '^[a-z%-]+:.*## ' $(MAKEFILE_LIST) | \
		awk -F ':.*## ' '{ printf "  make %-9s %s\n", $$1, $$2 }'

run: .venv/to-run ## Start the product on http://127.0.0.1:8000 (PORT, DATA_DIR and others)
	@exec $(BIN)/python -m deploy.run --parent $$PPID

test: test-rules test-database test-product ## Run each test once, without the slow ones (four minutes)
	@echo "All tests passed. Next: make lint; make test-all runs the slow ones, too"

test-all: test test-rest test-postgres test-containers ## Run every test on everything
	@echo "All tests passed."

test-rules: .venv/to-develop
	@echo "Testing the gateway, each service and what they share, on SQLite:"
	@$(PYTEST) --column sqlite -m "not slow" $(PARTS)

test-database: .venv/to-develop
	@echo "Testing what depends on the database on PostgreSQL, with Redis and an S3 bucket:"
	@$(PYTEST) --column postgres -m "database and not slow" $(WITH_DATABASE)

test-product: .venv/to-develop
	@echo "Testing the whole product, through the gateway:"
	@$(PYTEST) -m "not slow" $(PRODUCT)

test-rest: .venv/to-develop $(NODE_MODULES) ## Run the slow tests: outages, backups, deployment, browser
	@echo "Testing on PostgreSQL what is slow and depends on the database:"
	@$(PYTEST) --column postgres -m slow $(WITH_DATABASE)
	@echo "Testing the whole product under attack, in trouble and in operation:"
	@$(PYTEST) -m slow $(PARTS) $(PRODUCT)

test-postgres: .venv/to-develop ## Run on PostgreSQL the rules that should not depend on the database
	@$(PYTEST) --column postgres -m "not slow and not database" $(WITH_DATABASE)

test-web: .venv/to-develop $(NODE_MODULES) ## Test the web client in a real Chromium
	@$(PYTEST) tests/browser

test-%: .venv/to-develop ## Run the tests of one part: make test-auth_service
	@$(PYTEST) --column sqlite $*
	@$(if $(filter $*,$(WITH_DATABASE)),$(PYTEST) --column postgres $*)

alone-%: .venv/to-develop ## Test a service without the others: make alone-auth_service
	@folder=$$(mktemp -d) && trap "rm -rf $$folder" EXIT && cp -r $* shared pyproject.toml $$folder && \
		cd $$folder && $(CURDIR)/$(PYTEST) $*

test-containers: .venv/to-develop ## Test images, compose and documented commands in a Docker engine (root)
	@echo "Testing containers, in a Docker engine of its own:"
	@TEST_CONTAINERS=1 $(BIN)/python -m pytest deploy/tests/containers -rs --log-cli-level=INFO \
		--log-cli-format="%(asctime)s %(message)s" --log-cli-date-format=%H:%M:%S

# A measured program takes several times as long to start. Each part has a run of its own: with the
# greenlets of all in one process, the tracer of coverage hung in a callback of a weak reference.
coverage: .venv/to-develop ## Measure the test coverage of lines and branches
	@$(BIN)/coverage erase
	@$(foreach part,$(PARTS),$(MEASURE) --column sqlite -m "not slow" $(part) &&) true
	@$(MEASURE) --column postgres -m "database and not slow" $(WITH_DATABASE)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

bench: .venv/to-develop ## Measure the whole product (ten minutes; QUICK=1: two)
	@$(BIN)/python -m benchmarks $(if $(QUICK),--quick)

soak: .venv/to-develop ## Detect memory leaks under load (ten minutes; MINUTES=60: an hour)
	@$(BIN)/python -m benchmarks.soak $(if $(MINUTES),--minutes $(MINUTES))

chaos: .venv/to-develop ## Run chaos tests for a minute per column (SECONDS, SEED)
	@PYTHONPATH=examples $(BIN)/python -m tests.chaos \
		$(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

attack: .venv/to-develop ## Attack the product beside a bystander, each attack on its own (SHORT=1, LIFTED=1)
	@PYTHONPATH=examples $(BIN)/python -m tests.attacks $(if $(SEED),--seed $(SEED)) \
		$(if $(SHORT),--short) $(if $(LIFTED),--lifted)

lint: .venv/to-develop ## Check formatting, lint rules, types, imports, prose, images, manifests and docs
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@PYTHONPATH=. $(BIN)/lint-imports --no-logo
	@$(BIN)/yamllint --strict .
	@$(BIN)/codespell
	@$(BIN)/python -m docs.identifiers
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/hadolint --ignore DL3008 deploy/tests/containers/images.Dockerfile
	@$(BIN)/shellcheck .ci/run deploy/postgres/*.sh deploy/tests/containers/*.sh examples/*.sh
	@$(BIN)/python -m docs.generate --check
	@$(MAKE) --no-print-directory lint-web
	@echo "No problems found."

# TypeScript checks the JSDoc types of the web client; nothing of Node.js is needed to run it.
lint-web:
	@if command -v npm > /dev/null; then \
		$(MAKE) --no-print-directory web/node_modules && cd web && npx tsc --noEmit && npx eslint .; \
	else \
		echo "NOT CHECKED: web/, there is no npm (apt install npm)." >&2; test -z "$$CI"; \
	fi

web/node_modules: web/package-lock.json
	@echo "Installing what checks the web client and manifests ..."
	@cd web && npm ci --silent
	@touch $@

format: .venv/to-develop ## Format every file
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format .

lock: .venv/to-develop ## Pin the newest versions that the .in files allow
	@$(COMPILE) --upgrade $(TO_RUN) requirements-dev.in --output-file requirements-dev.txt
	@$(COMPILE) $(PINNED) $(TO_RUN) --output-file requirements.txt
	@$(COMPILE) $(PINNED) gateway/requirements.in --output-file gateway/requirements.txt
	@$(COMPILE) $(PINNED) --extra service --extra media auth_service/requirements.in \
		--output-file auth_service/requirements.txt
	@$(COMPILE) $(PINNED) --extra service social_service/requirements.in \
		--output-file social_service/requirements.txt
	@$(COMPILE) $(PINNED) --extra service --extra media chat_service/requirements.in \
		--output-file chat_service/requirements.txt
	@echo "Pinned. Next: make test"

audit: .venv/to-develop ## Check every pinned package for known vulnerabilities
	@$(BIN)/pip-audit --strict --progress-spinner off --disable-pip --require-hashes \
		-r requirements-dev.txt

sbom: .venv/to-develop ## Write a CycloneDX SBOM of each image to var/sbom
	@mkdir -p var/sbom
	@for image in gateway $(SERVICES); do \
		$(BIN)/cyclonedx-py requirements $$image/requirements.txt --validate \
			--output-reproducible --output-file var/sbom/$$image.json || exit; \
		echo "Wrote var/sbom/$$image.json"; \
	done

docs: .venv/to-develop ## Generate the parts of the documentation that come from code
	@$(BIN)/python -m docs.generate

demo: .venv/to-run ## Create example users and conversations (URL=http://127.0.0.1:8000)
	@PYTHONPATH=examples $(BIN)/python -m deploy.demo $(if $(URL),--url "$(URL)")

screens: .venv/to-develop ## Take the screenshots of the web client for the READMEs
	@PYTHONPATH=examples $(BIN)/python -m docs.screens $(if $(URL),--url "$(URL)")

secrets: .venv/to-run ## Generate the secrets that docker-compose.yml needs, in var/secrets
	@$(BIN)/python -m deploy.keyring make var/secrets
	@echo "Next: docker compose up --build"

migrate: .venv/to-run ## Migrate the databases in DATA_DIR to the newest schema (make run does so, too)
	@$(BIN)/python -m deploy.run --only-migrate

TO ?= backups

backup: .venv/to-run ## Back up all databases and media while the product runs (TO=folder)
	@$(BIN)/python -m deploy.backup --to "$(TO)"

restore: .venv/to-run ## Restore a backup into an empty DATA_DIR: make restore FROM=backups/ims-...
	@$(if $(FROM),,$(error FROM=folder is missing: what make backup has made))
	@$(BIN)/python -m deploy.restore $(if $(OVERWRITE),--overwrite) "$(FROM)"

verify: .venv/to-run ## Check the integrity of all data, across the services; changes nothing
	@$(BIN)/python -m deploy.verify

clean: ## Remove all generated files except data
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Clean. Data, if any, is still in var/."

# Installing takes a minute once, and nothing after that until a requirement changes.
.venv/to-run: requirements.txt | $(BIN)/python
	@echo "Installing what is needed to run ..."
	@$(INSTALL) -r $<
	@$(CHECK_INSTALLED)
	@touch $@

.venv/to-develop: requirements-dev.txt | $(BIN)/python
	@echo "Installing what is needed to develop ..."
	@$(INSTALL) -r $<
	@$(CHECK_INSTALLED)
	@touch .venv/to-run $@

$(BIN)/python:
	@for python in $(PYTHON) python3.11 python3 python3.12 python3.13 python3.14 python; do \
		$$python -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' \
			2> /dev/null && exec $$python -m venv .venv; \
	done; \
	echo "Needed: Python 3.11 or newer, with venv (on Debian and Ubuntu: apt install python3-venv)."; \
	echo "If it has another name: make run PYTHON=/path/to/python"; \
	exit 1
