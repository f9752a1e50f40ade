# The commands of this project. To start, `make up` and `make test` are enough.
SHELL := /bin/bash
PYTHON ?= python3
CDK_CONTEXT ?=
BRANCH ?=
SUFFIX ?=
PROMOTION ?=
ANSWER ?=
EXECUTION ?=
QUEUE ?=
REASON ?=
ID ?=
CLIENT ?=
ROLE ?=
LIST ?=
REVOKE ?=
APPLY ?=
AWS ?=
HUB ?=
ACCOUNT ?=
PRODUCTION_ACCOUNT ?=
POLICY ?=
FORCE ?=
UPGRADE ?=
ENGINE_VERSION ?=
FROM ?=
TO ?=
ROUNDS ?=
SECONDS ?=
SEED ?=
RECORD ?=
BREAK ?=
TRANSACTION ?=
TRANSACTIONS ?=
PEER_SCHEMA ?=
PEER_SCRIPT ?=
WORKERS ?= 4
MILLIONS ?= 1 5 10
FOLDER ?=
LOCK ?=
CLUSTER ?=
DRILL ?=

# Tests of code that runs on AWS, delivers or operates it. Only these tests count for coverage
# (pyproject.toml); the other folders of tests/ test local code.
DEPLOYED_TESTS := tests/app_service tests/branch_hub tests/checks tests/infra tests/lambda_src \
	tests/operations tests/page tests/pipeline tests/test_app.py tests/test_function_assets.py
CHECKS := check-format check-types check-imports check-dockerfile check-security
# No output synchronisation, so that the progress of the tests is visible.
IN_PARALLEL := --no-print-directory -j2

SYSTEM_PATH := $(PATH)
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# With this variable every process compiles every module again, which doubles the start time of pytest.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: api-client approve awake bench bench-branches bench-delivery bench-drain bench-growth bench-ledger bench-memory bootstrap-production check-deployed \
	check-deployed-python check-dockerfile check-format check-imports check-roles check-security \
	check-types \
	check-unit-deployed check-unit-others clean dead-letters destroy docs down drill-kill-database \
	drill-kill-task drill-lose-zone drill-rolling-update engine-version help integration-test lock logs page preflight reconcile redrive \
	resend retry session setup sleep smoke-test soak status synth test trace up verify-audit wake

.PHONY: drill drill-away drill-clock drill-cut-database drill-full-disk drill-hang-database drill-hang-task drill-kill-balancer

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' "$(CURDIR)/Makefile" | awk -F':.*## ' '{printf "  make %-19s %s\n", $$1, $$2}'
	@echo "SUFFIX names an environment (default: the only one), BRANCH a branch (default: the current one)."

up: setup ## start the local cloud and deliver the current commit (PROMOTION=production: run all stages)
	@python -m local_cloud up $(if $(PROMOTION),--promotion "$(PROMOTION)")

test: setup ## run every check and unit test
	@$(MAKE) $(IN_PARALLEL) $(CHECKS) check-unit-deployed check-unit-others

check-deployed: setup ## run the checks and tests of what runs on AWS, as the pipeline's synth step does
	@$(MAKE) $(IN_PARALLEL) $(CHECKS) check-unit-deployed

# pyenv reads `.python-version`, which names the deployed Python. If that is not installed, set-up uses
# the Python that pyenv chooses outside of this folder: any from 3.11 on.
setup: ## install .venv and node_modules from the lock files
	@export PATH="$(SYSTEM_PATH)"; \
	[ -n "$$PYENV_VERSION" ] || pyenv version-name > /dev/null 2>&1 \
		|| export PYENV_VERSION="$$(cd .. && pyenv version-name 2> /dev/null)"; \
	command -v $(PYTHON) > /dev/null || { echo "setup: no $(PYTHON) on PATH: Python 3.11 or newer is needed" >&2; exit 1; }; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "setup: Python 3.11 or newer is needed and $(PYTHON) is $$($(PYTHON) -V 2>&1): run make PYTHON=python3.11" >&2; exit 1; }; \
	$(PYTHON) -m toolchain

page: ## start a page of branches, runs, environments and plots, and print its address (AWS=yes: of the account, until Ctrl-C)
	@python -m $(if $(filter yes,$(AWS)),page,local_cloud page)

down: ## stop every process of the local cloud; `make up` brings everything back
	@python -m local_cloud down

clean: ## stop every process and delete .local/ with all environments and their data
	@python -m local_cloud clean

status: ## show branches with their expiry dates, last runs and tasks
	@python -m local_cloud status

logs: ## follow the logs of all tasks
	@python -m local_cloud logs

# `eval` of an empty string succeeds. After an error this prints `false`, so that `eval` fails.
session: ## open a session at the API of SUFFIX and print shell variables for `eval` (see README)
	@python -m local_cloud session $(if $(SUFFIX),--suffix "$(SUFFIX)") || { echo false; exit 1; }

retry: ## run the newest commit of BRANCH again after a failed run
	@python -m local_cloud retry $(if $(BRANCH),--branch "$(BRANCH)")

# AWS=yes runs a program of operations/ directly; otherwise the local cloud runs the same program.
operation = python -m $(if $(filter yes,$(AWS)),operations.$(subst -,_,$(1)),local_cloud $(1))

approve: ## show what the pipeline of BRANCH waits for, and approve or reject it (asks, or ANSWER=yes or no; EXECUTION=...: only that run; AWS=yes: on AWS)
	@$(call operation,approve) $(if $(BRANCH),--branch "$(BRANCH)") --execution "$(EXECUTION)" --answer "$(ANSWER)"

dead-letters: setup ## show the dead letters of SUFFIX, by reason (QUEUE=transaction or audit; AWS=yes: on AWS)
	@$(call operation,dead-letters) --suffix "$(SUFFIX)" --queue "$(QUEUE)"

redrive: setup ## show what of the dead letters of SUFFIX would be sent back, and send it (asks, or ANSWER=yes; QUEUE=audit; REASON=...; ID=...; LIST=yes; AWS=yes: on AWS)
	@$(call operation,redrive) --suffix "$(SUFFIX)" --queue "$(QUEUE)" --reason "$(REASON)" --id "$(ID)" --answer "$(ANSWER)" $(if $(filter yes,$(LIST)),--list)

trace: setup ## follow one transaction with its log lines: TRANSACTION=<id> (FROM=... TO=... of log lines; AWS=yes: on AWS)
	@$(call operation,trace) --suffix "$(SUFFIX)" --transaction "$(TRANSACTION)" --from "$(FROM)" --to "$(TO)"

resend: setup ## send the batches of SUFFIX again that the audit queue has refused too often (AWS=yes: on AWS)
	@$(call operation,resend) --suffix "$(SUFFIX)"

verify-audit: setup ## compare the ledger of SUFFIX with its audit trail (FROM=... TO=...; APPLY=yes: send what is missing again; AWS=yes: on AWS)
	@$(call operation,verify-audit) --suffix "$(SUFFIX)" --from "$(FROM)" --to "$(TO)" $(if $(filter yes,$(APPLY)),--apply)

api-client: ## print id and secret of the API of SUFFIX (CLIENT=... ROLE=...: add a credential; LIST=yes; REVOKE=...; AWS=yes: on AWS)
	@$(call operation,api-client) --suffix "$(SUFFIX)" --client "$(CLIENT)" --role "$(ROLE)" --revoke "$(REVOKE)" $(if $(filter yes,$(LIST)),--list)

check-roles: ## ask IAM what each role of SUFFIX may and may not do (AWS=yes: on AWS)
	@$(call operation,check-roles) --suffix "$(SUFFIX)"

drill: setup ## start a fault in SUFFIX by its FIS template under load, and check what was acknowledged (DRILL=kill-task, kill-database, lose-zone or cut-database; AWS=yes: on AWS)
	@$(call operation,drills) --suffix "$(SUFFIX)" --drill "$(DRILL)"

drill-cut-database: ## cut the tasks off from the database under load; check that nothing is lost
	@SUFFIX="$(SUFFIX)" python -m local_cloud.drills.cut_database

drill-kill-task: ## kill a task under load; check that no acknowledged transaction is lost
	@SUFFIX="$(SUFFIX)" python -m local_cloud.drills.kill_task

drill-kill-database: ## kill the database's writer under load; check that the standby takes over
	@SUFFIX="$(SUFFIX)" python -m local_cloud.drills.kill_database

drill-hang-task: ## stop a task's processes under load, so that it hangs; check that it is replaced, then let it continue
	@SUFFIX="$(SUFFIX)" python -m local_cloud.drills.hang_task

drill-hang-database: ## stop the writer's processes under load, so that it hangs; check that it is fenced and replaced
	@SUFFIX="$(SUFFIX)" python -m local_cloud.drills.hang_database

drill-kill-balancer: ## kill the load balancer under load; check that it comes back and that clients lose nothing
	@SUFFIX="$(SUFFIX)" python -m local_cloud.drills.kill_balancer

drill-away: ## switch off SQS and S3 for a minute under load; check that what was acknowledged arrives afterwards
	@SUFFIX="$(SUFFIX)" python -m local_cloud.drills.away

drill-full-disk: ## let the disk of the writer be full under load; check that the standby takes over (needs strace)
	@SUFFIX="$(SUFFIX)" python -m local_cloud.drills.full_disk

drill-clock: ## let the database's clock jump under load, forward and back (needs libfaketime)
	@SUFFIX="$(SUFFIX)" python -m local_cloud.drills.jump_clock

drill-lose-zone: ## kill everything in the writer's zone under load, then bring the zone back
	@SUFFIX="$(SUFFIX)" python -m local_cloud.drills.lose_zone

drill-rolling-update: setup ## deliver the current commit under load; check that no request fails (FROM=...: from that commit, in a local cloud of its own)
	@python -m local_cloud.drills.rolling_update --suffix "$(SUFFIX)" --from "$(FROM)"

reconcile: setup ## show what the branch hub would create and delete (APPLY=yes: do it; AWS=yes: on AWS)
	@$(call operation,reconcile) $(if $(filter yes,$(APPLY)),--apply) $(if $(HUB),--hub "$(HUB)")

sleep: setup ## put the environment of BRANCH to sleep: no task and no database run (HUB=...; AWS=yes: on AWS)
	@$(call operation,sleep) $(if $(BRANCH),--branch "$(BRANCH)") $(if $(HUB),--hub "$(HUB)")

wake: setup ## wake the environment of BRANCH (HUB=...; AWS=yes: on AWS)
	@$(call operation,wake) $(if $(BRANCH),--branch "$(BRANCH)") $(if $(HUB),--hub "$(HUB)")

preflight: setup ## check an account before the first deployment (AWS=yes: on AWS; CDK_CONTEXT="-c key=value ...")
	@$(call operation,preflight) $(CDK_CONTEXT)

bootstrap-production: setup ## bootstrap PRODUCTION_ACCOUNT so that it trusts only the trunk's pipeline in ACCOUNT (POLICY=..., FORCE=yes)
	@python -m operations.bootstrap_production --account "$(ACCOUNT)" --production-account "$(PRODUCTION_ACCOUNT)" $(if $(POLICY),--policy "$(POLICY)") $(if $(filter yes,$(FORCE)),--force)

bench: bench-ledger ## the same as bench-ledger; the other measurements have names of their own

bench-ledger: setup ## measure the ledger beside its own SQL, in minutes (ROUNDS=... SECONDS=...; PEER_SCHEMA=file.sql PEER_SCRIPT=file.pgbench: beside a peer)
	@python -m bench.ledger $(if $(ROUNDS),--rounds "$(ROUNDS)") $(if $(SECONDS),--seconds "$(SECONDS)") \
		--peer-schema "$(PEER_SCHEMA)" --peer-script "$(PEER_SCRIPT)"

bench-branches: setup ## measure the branch hub with 50 branches and more
	@python -m bench.branches

bench-growth: setup ## measure posting in ledgers of MILLIONS="1 5 10" transactions; needs 30 GB (FOLDER=... keeps them for the next run)
	@python -m bench.growth $(MILLIONS) $(if $(FOLDER),--folder "$(FOLDER)") $(if $(LOCK),--lock "$(LOCK)")

bench-delivery: setup ## measure make up, a push and the idle cloud; writes bench/results/
	@python -m bench.delivery

bench-drain: ## measure how fast the queue of SUFFIX drains into the audit bucket (TRANSACTIONS=...; the local cloud must run)
	@python -m bench.ledger.drain $(if $(TRANSACTIONS),--transactions "$(TRANSACTIONS)") --suffix "$(SUFFIX)"

bench-memory: setup ## measure the service's memory during ten minutes of full load (SECONDS=...)
	@python -m bench.ledger.memory $(if $(SECONDS),--seconds "$(SECONDS)")

soak: setup ## run the real code under seeded faults of AWS and PostgreSQL; check that all is accounted for (SECONDS=60 SEED=... BREAK=...: a negative control)
	@python -m soak $(if $(SECONDS),--seconds "$(SECONDS)") $(if $(SEED),--seed "$(SEED)") --break "$(BREAK)"

destroy: ## delete BRANCH with its environment and pipeline (asks, or ANSWER=yes)
	@python -m local_cloud destroy $(if $(BRANCH),--branch "$(BRANCH)") $(if $(ANSWER),--answer "$(ANSWER)")

engine-version: setup ## choose the database version of CLUSTERS for the next synth: the deployed one is kept
	@python -m pipeline.steps.engine_version --default "$(DEFAULT_VERSION)" --requested "$(ENGINE_VERSION)" $(CLUSTERS)

awake: setup ## wait until the environment with the ECS cluster CLUSTER is awake; a build of its pipeline runs it
	@python -m pipeline.steps.awake --cluster "$(CLUSTER)"

synth: setup ## synthesize the CDK app into cdk.out (CDK_CONTEXT="-c key=value ...")
	@npx --no-install cdk synth --quiet $(CDK_CONTEXT)

docs: setup ## generate the pages and pictures again from the templates
	@python -m docs.generators.generate

integration-test: setup ## test a deployed environment (environment variables hold its addresses)
	@python -m pytest -p no:cacheprovider integration_tests

smoke-test: setup ## test a deployed environment without changing anything in it
	@python -m pytest -p no:cacheprovider integration_tests/test_smoke.py

check-format:
	@ruff format --check . && ruff check .

check-types:
	@mypy .

check-imports: # pyproject.toml says which folder may import which
	@lint-imports --cache-dir .cache/imports

check-dockerfile:
	@hadolint app_service/Dockerfile

check-deployed-python: setup # run the tests of deployed code on the deployed Python, if it is installed
	@WORKERS="$(WORKERS)" python -m checks.deployed_python

check-security: # code that runs on AWS, delivers or operates it
	@bandit --quiet --configfile pyproject.toml --recursive app.py app_service branch_hub checks docs/generators infra lambda_src operations page pipeline toolchain

check-unit-deployed:
	@python -m pytest -n $(WORKERS) --dist loadgroup --cov --cov-report=term --cov-fail-under=100 \
		--cov-report=xml:reports/coverage.xml --junitxml=reports/junit.xml $(DEPLOYED_TESTS)

check-unit-others: # uses WORKERS workers too: these tests wait more than they compute
	@python -m pytest -n $(WORKERS) --dist loadgroup --junitxml=reports/junit-others.xml $(DEPLOYED_TESTS:%=--ignore=%) tests

# No `setup`: it would refuse a package.json that has changed and is not locked yet.
lock: ## write the lock files from the *.in files and package.json (UPGRADE=yes: with the newest versions)
	@[ -x .venv/bin/uv ] || $(MAKE) --no-print-directory setup
	@UPGRADE="$(UPGRADE)" python -m toolchain.locks
