#!/usr/bin/env bash
# Resolves requirements/*.lock anew: every package with its hashes, for all systems, without registry addresses.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT
python3 -m venv "$tool"
"$tool/bin/pip" install --quiet --disable-pip-version-check uv

resolve() {
    "$tool/bin/uv" pip compile pyproject.toml requirements/build.in --quiet --universal --python-version 3.11 \
        --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-find-links \
        --no-annotate --no-header "$@"
}

resolve --extra desktop --extra clouds --extra terraform -o requirements/run.lock
resolve --extra server --extra clouds -c requirements/run.lock -o requirements/server.lock
resolve --extra server --extra clouds --extra terraform -c requirements/run.lock -c requirements/server.lock -o requirements/runner.lock
resolve --extra desktop --extra clouds --extra terraform --extra server --extra dev -c requirements/run.lock -o requirements/dev.lock
