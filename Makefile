# stackwatch: `make` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
INVENTORY ?= inventories/demo.py
DEMO_HOSTS := mon1,web1,web2:deploy
# What the reference application stands on.
APP_PACKAGES := python3,postgresql,redis-server
ENGINE := docker.io,docker-cli,iptables
APP_SETUP := files/apps/reference/prepare-host.sh
PYTEST ?=
# Most integration tests wait for something: two workers side by side, each with a file of tests
# at a time, and one of them with all that is for containers (tests/conftest.py).
WORKERS := -n 2 --dist loadscope
export PYTHONPATH := $(CURDIR)

##@ Try it
# How components run: as units of systemd, or as containers (docker). Molecule runs both by default.
RUNTIME ?=
demo: demo-$(or $(RUNTIME),systemd) ## three test hosts, the whole stack on them, proven (RUNTIME=docker: on engines; RUNTIME=local: on this machine alone)

demo-systemd: $(READY)
	scripts/prepare $(BIN)/python --packages $(APP_PACKAGES)
	$(BIN)/python -m tests.hosts up demo --hosts $(DEMO_HOSTS) \
	  --packages web1=$(APP_PACKAGES) --setup web1=$(APP_SETUP)
	$(BIN)/pyinfra -y inventories/demo.py deploy.py
	$(MAKE) traffic SECONDS=10

demo-docker: $(READY)
	scripts/prepare $(BIN)/python --packages $(ENGINE) --packages $(APP_PACKAGES),$(ENGINE)
	$(BIN)/python -m tests.hosts up docker --hosts $(DEMO_HOSTS) --docker mon1,web1,web2 \
	  --packages mon1=$(ENGINE) --packages web2=$(ENGINE) \
	  --packages web1=$(APP_PACKAGES),$(ENGINE) --setup web1=$(APP_SETUP)
	$(BIN)/pyinfra -y inventories/docker.py deploy.py
	$(MAKE) traffic RUNTIME=docker SECONDS=10

demo-local: $(READY)
	$(BIN)/python -m plugins.artifacts fetch --allow-missing grafana
	$(BIN)/python -m tests.hosts engine
	$(BIN)/pyinfra -y inventories/local.py deploy.py

SECONDS ?= 60
traffic: $(READY) ## requests to the demo's application for SECONDS (60): normal, slow, failing
	$(TRAFFIC_$(or $(RUNTIME),systemd)) traffic --seconds $(SECONDS)
TRAFFIC_systemd = $(BIN)/pyinfra -y inventories/demo.py --limit web1 exec -- \
  /opt/stackwatch/reference_app/current/reference_app
TRAFFIC_docker = $(BIN)/pyinfra -y inventories/docker.py --limit web1 exec -- \
  docker exec stackwatch-reference_app /opt/stackwatch/reference_app/current/reference_app

demo-down: $(READY) ## remove everything the demos made: hosts, images, engine if it started one
	$(BIN)/python -m tests.hosts down demo
	$(BIN)/python -m tests.hosts down docker
	$(BIN)/python -m tests.hosts image --remove
	$(BIN)/python -m tests.hosts engine --stop
	echo "kept for next time: the Python environment ($(VENV)) and the programs ($$($(BIN)/python -c \
	  'from plugins.artifacts import Store; print(Store.default().root)'))"

##@ Run it (INVENTORY=inventories/prod.py)
deploy: $(READY) ## make the inventory true
	$(BIN)/pyinfra -y $(INVENTORY) deploy.py

smoke: $(READY) ## run every check
	$(BIN)/pyinfra -y $(INVENTORY) smoke.py

DASHBOARD ?=
dashboard-check: $(READY) ## run every dashboard panel's query: which have data, which are empty and why
	$(TRAFFIC_BEFORE_$(basename $(notdir $(INVENTORY))))
	$(BIN)/pyinfra -y $(INVENTORY) dashboard_check.py $(if $(DASHBOARD),--data dashboard=$(DASHBOARD))
# Nobody uses the demos' application but us, and rates need a few scrapes.
TRAFFIC_BEFORE_demo = $(MAKE) traffic SECONDS=40
TRAFFIC_BEFORE_docker = $(MAKE) traffic RUNTIME=docker SECONDS=40

PREVIEW ?=
preview: $(READY) ## every dashboard as one HTML file, build/preview/<site>.html; PREVIEW="--data hours=6 --data png=true"
	$(BIN)/pyinfra -y $(INVENTORY) preview.py $(PREVIEW)

drift: $(READY) ## tell what differs; exit 3 if something does (make says 2)
	$(BIN)/pyinfra -y $(INVENTORY) drift.py

BACKUP ?=
backup: $(READY) ## save dashboards, annotations, silences made by hand; BACKUP="--data keep=14"
	$(BIN)/pyinfra -y $(INVENTORY) backup.py $(BACKUP)

FROM ?= $(error say which: make restore INVENTORY=... FROM=backups/SITE/DATE)
restore: $(READY) ## put back what a backup has and the site lacks: FROM=backups/SITE/DATE
	$(BIN)/pyinfra -y $(INVENTORY) restore.py --data from=$(FROM)

pull-dashboard: $(READY) ## take a dashboard made in Grafana into the site's files: DASHBOARD=UID_OR_TITLE
	$(BIN)/pyinfra -y $(INVENTORY) pull_dashboard.py \
	  --data 'dashboard=$(or $(DASHBOARD),$(error say which: make pull-dashboard INVENTORY=... DASHBOARD=UID_OR_TITLE))'

COMPOSE ?=
compose: $(READY) ## Compose files to read or run by hand, in build/compose/; COMPOSE="--images --host web1"
	$(BIN)/python -m plugins.compose $(INVENTORY) $(COMPOSE)

list: $(READY) ## the roles there are, and what each wires to
	$(BIN)/python -m plugins.listing

artifacts: $(READY) ## fetch or build every program of the lock into the store
	$(BIN)/python -m plugins.artifacts fetch

lock: $(READY) ## fill missing pins of the artifacts lock, verify all against upstream
	$(BIN)/python -m plugins.artifacts lock
	$(BIN)/python -m plugins.artifacts lock --check

##@ Work on it
test: $(READY) ## every tier: unit, command line, content, integration on real hosts
	scripts/prepare $(BIN)/python --packages $(APP_PACKAGES) --packages $(ENGINE)
	$(BIN)/pytest $(WORKERS) $(PYTEST)

test-unit: $(READY) ## the unit tier alone, seconds
	$(BIN)/pytest tests/unit $(PYTEST)

test-command: $(READY) ## the command line without any host: mistakes, vault, listings
	$(BIN)/pytest tests/command $(PYTEST)

test-content: $(READY) ## rules and routes with promtool and amtool
	$(BIN)/pytest tests/content $(PYTEST)

test-integration: $(READY) ## real hosts, real programs, real faults
	$(BIN)/pytest tests/integration $(WORKERS) $(PYTEST)

test-containers: $(READY) ## every integration test that makes sense for containers
	scripts/prepare $(BIN)/python --packages $(APP_PACKAGES) --packages $(ENGINE)
	$(BIN)/pytest tests/integration $(WORKERS) --every-container \
	  -k "docker or container or moving or podman or image_registry or local" $(PYTEST)

ROLE ?=
molecule: $(READY) ## molecule's scenarios of every role as units and as containers, or ROLE=loki RUNTIME=docker
	scripts/prepare $(BIN)/python
	$(BIN)/python -m roles.molecule $(ROLE) $(if $(RUNTIME),--runtime $(RUNTIME))

lint: $(READY) ## ruff, formatter, strict types, YAML and shell checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	$(BIN)/shellcheck plugins/scripts/*.sh plugins/compose/*.sh scripts/* tests/hosts/*.sh .ci/run \
	  roles/*/molecule/*/*.sh
	$(BIN)/python -m plugins.tables --check

format: $(READY) ## let ruff and the table generator write
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python -m plugins.tables
	$(BIN)/python -m plugins.from_ansible_vars --document

dashboards: $(READY) ## write the dashboards' JSON anew, from their Python
	$(BIN)/python -m files.dashboards

bench: $(READY) ## the numbers, as ratios: build/bench.json and a table
	scripts/prepare $(BIN)/python
	$(BIN)/python -m tests.bench

lock-python: $(READY) ## lock the Python dependencies anew, from pyproject.toml
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile -q --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--group dev pyproject.toml -o requirements.lock

help: ## this list
	@awk 'BEGIN { FS = ":.*## " }
	  /^##@/ { printf "\n%s\n", substr($$0, 5) }
	  /^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): requirements.lock
	scripts/environment $(VENV)

.PHONY: demo demo-systemd demo-docker demo-local traffic demo-down deploy smoke drift compose \
	list artifacts lock test test-unit test-command test-content test-integration test-containers \
	molecule lint format dashboards bench lock-python dashboard-check backup restore pull-dashboard \
	preview help
