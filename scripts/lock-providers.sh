#!/usr/bin/env bash
# Writes .terraform.lock.hcl beside each module that uses plugins: the registry's own checksums, for all systems.
# Needs terraform and a way to its registry; nothing is written of a module whose plugins cannot be asked for.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../terraform"

command -v terraform >/dev/null || { echo "lock-providers: install terraform first" >&2 && exit 1; }
platforms=()
for platform in linux_amd64 linux_arm64 darwin_amd64 darwin_arm64 windows_amd64; do
    platforms+=("-platform=$platform")
done

failed=0
for module in */; do
    grep -qs required_providers "$module"*.tf || continue
    work=$(mktemp -d)
    cp "$module"*.tf "$work"
    [ ! -f "$module.terraform.lock.hcl" ] || cp "$module.terraform.lock.hcl" "$work"
    if terraform -chdir="$work" providers lock "${platforms[@]}"; then
        cp "$work/.terraform.lock.hcl" "$module"
    else
        echo "lock-providers: ${module%/} stays as it was" >&2
        failed=1
    fi
    rm -rf "$work"
done
exit "$failed"
