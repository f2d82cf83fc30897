# Every target does its own set-up, see scripts/setup.sh; a second call finds it done and costs nothing.
.PHONY: run test check drill model real-providers fuzz bench screenshots lock lock-providers

run:
	@scripts/setup.sh run
	@exec .venv/bin/machina

test:
	@scripts/setup.sh dev
	@exec .venv/bin/python -m pytest -n 2 --dist loadgroup

# Formatter, linter, type checker and import contracts are tests too: tests/architecture/test_lint.py.
check:
	@scripts/setup.sh dev
	@exec .venv/bin/python -m pytest -n 2 --dist loadgroup tests/unit tests/architecture tests/views

# Whole minutes of killing, cutting and restoring, with namespaces of the network and a PostgreSQL of its own.
drill:
	@scripts/setup.sh dev
	@exec .venv/bin/python -m pytest -s tests/drills/drill.py tests/drills/drill_two_desktops.py

# Three copies of a team and their home: 2,000 runs of everything that can happen between them; make test does 300.
model:
	@scripts/setup.sh dev
	@MACHINA_MODEL_RUNS=2000 exec .venv/bin/python -m pytest tests/model --durations=1

# A droplet's life with DigitalOcean's own Terraform provider and a stand-in for its API, four minutes. The provider comes
# from Terraform's registry or, where MACHINA_PLUGIN_MIRROR names one, from a folder made by `terraform providers mirror`.
real-providers:
	@scripts/setup.sh dev
	@exec .venv/bin/python -m pytest -s tests/drills/real_digitalocean.py

# The terminal: 20,000 random streams beside a mended pyte, 3,000 in large chunks beside the same character by character,
# 2,000 as they are painted, then 200,000 damaged inputs that may not raise. Guided by coverage it needs atheris, see
# tests/terminal/guided_fuzz.py.
fuzz:
	@scripts/setup.sh dev
	@.venv/bin/python -m tests.terminal.fuzz 20000
	@.venv/bin/python -m tests.terminal.paths_fuzz 3000
	@.venv/bin/python -m tests.terminal.sight_fuzz 2000
	@exec .venv/bin/python -m tests.terminal.guided_fuzz --mutate 200000

bench:
	@scripts/setup.sh dev
	@.venv/bin/python -m compileall -q machina_desktop
	@exec .venv/bin/python -m bench

screenshots:
	@scripts/setup.sh dev
	@exec .venv/bin/python scripts/screenshots.py screenshots

lock:
	@scripts/lock.sh

lock-providers:
	@scripts/lock-providers.sh
