# The verbs: run, test, check, simulate, assurance, docs, driven, bench, lock, clean. Each makes the environment it needs.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?=
export PYTHON

CHECKED := $(wildcard protocol gateway adapters hutong benchmarks docs tests)
QUICK_TESTS := $(wildcard tests/unit tests/scenarios tests/property)

.DELETE_ON_ERROR:
.PHONY: run test check simulate assurance docs driven bench lock clean

run: $(VENV)/installed
	$(BIN)/hutong demo

# Two workers for what computes; one after the other for what kills processes and watches real clocks.
test: $(VENV)/installed
	scripts/install-test-servers
	$(BIN)/python -m pytest -q -n 2 --ignore=tests/end_to_end
	$(BIN)/python -m pytest -q -o faulthandler_timeout=300 tests/end_to_end
	$(BIN)/python -m benchmarks.guard

check: $(VENV)/installed
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy $(CHECKED)
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q -n 2 $(QUICK_TESTS)

# Lives through simulated lives from SEED on, OPS operations in all; PLANTED=all hunts the bugs that are planted on purpose.
simulate: $(VENV)/installed
	$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED)) $(if $(OPS),--ops $(OPS)) $(if $(PLANTED),--planted $(PLANTED))

# The long forms of what the suite does in short: MINUTES of lives, CUTS, PROCESS_CUTS, FLIPS, KILLS of each kind, FUZZ_S a
# decoder. 77 is the exit of what could not run on this machine, and has said why.
assurance: $(VENV)/installed
	scripts/install-test-servers assurance
	$(BIN)/python -m tests.simulation --seed $(or $(SEED),100000) --minutes $(or $(MINUTES),10)
	STORM_LINKS=2000 $(BIN)/python -m pytest -q -s -o faulthandler_timeout=900 tests/end_to_end/test_storms.py
	STALLED_LINKS=5000 $(BIN)/python -m pytest -q -s -o faulthandler_timeout=900 tests/end_to_end/test_stalled.py
	$(BIN)/python -m tests.power $(or $(CUTS),100000) --seed $(or $(SEED),100000)
	$(BIN)/python -m tests.power $(or $(PROCESS_CUTS),300) --seed $(or $(SEED),100000) --fuse || [ $$? -eq 77 ]
	SERVER_CUTS=$(or $(PROCESS_CUTS),300) $(BIN)/python -m pytest -q -o faulthandler_timeout=7200 tests/end_to_end/test_power_cuts.py
	$(BIN)/python -m tests.power $(or $(FLIPS),10000) --seed $(or $(SEED),100000) --flips
	RANDOM_KILLS=$(or $(KILLS),300) NAMED_KILLS=$(or $(KILLS),300) $(BIN)/python -m pytest -q -o faulthandler_timeout=7200 tests/end_to_end/test_kill.py -k kills
	FORGERIES=1000000 $(BIN)/python -m pytest -q tests/unit/adapters/test_tokens.py -k mutation
	NEIGHBOURS=100 $(BIN)/python -m pytest -q -o faulthandler_timeout=600 tests/conformance/test_noninterference.py
	FULL_CYCLES=$(or $(KILLS),300) $(BIN)/python -m pytest -q -o faulthandler_timeout=3600 tests/end_to_end/test_disk_full.py
	CLOCK_JUMPS=200 $(BIN)/python -m pytest -q -o faulthandler_timeout=600 tests/end_to_end/test_clock_jumps.py
	HUTONG_FUZZ_S=$(or $(FUZZ_S),120) HUTONG_FUZZ_SEED=0 $(BIN)/python -m pytest -q -n 2 -o faulthandler_timeout=0 tests/fuzz

# Writes the documents that are made from the code; the tests say when they are old.
docs: $(VENV)/installed
	$(BIN)/python -m docs.generate

# Records which client drove which path of WeCom's API in the suite, and writes the documents anew.
driven: $(VENV)/installed
	rm -rf build/driven && mkdir -p build/driven
	HUTONG_DRIVEN=build/driven $(BIN)/python -m pytest -q -n 2 tests/conformance -k "wecom or aibot"
	$(BIN)/python -m tests.conformance.driven build/driven
	$(BIN)/python -m docs.generate

# Beside other servers, with load generators: one in C (needs cc), and wrk. GOAL=N measures one goal, QUICK=1 takes short runs.
bench: $(VENV)/installed
	scripts/install-test-servers bench
	$(BIN)/python -m benchmarks $(if $(GOAL),--goal $(GOAL)) $(if $(QUICK),--quick)

# UPGRADE=1 takes the newest versions that the ranges admit.
lock:
	scripts/lock $(if $(UPGRADE),--upgrade)

clean:
	rm -rf $(VENV) build dist tests/conformance/node/node_modules benchmarks/peers/socketio_server/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/locked: requirements.lock scripts/environment
	scripts/environment $(VENV)
	touch $@

$(VENV)/installed: $(VENV)/locked pyproject.toml
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@
