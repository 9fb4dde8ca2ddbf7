#!/usr/bin/env bash
# Writes the lock files anew. Run it after a change in pyproject.toml, requirements/*.in or package.json, and commit
# what it wrote. `tools/lock.sh npm` writes package-lock.json alone.
#
# The Python locks are requirements files and not a uv.lock, because uv.lock names the registry's host for every file;
# hashes alone say as much, and the same lock then works behind any mirror. package-lock.json goes without `resolved`
# for the same reason (.npmrc).
set -euo pipefail
cd "$(dirname "$0")/.."

PATH="$PWD/.venv/bin:$PATH"

lock() {
  local output=$1
  shift
  uv pip compile "$@" --quiet --generate-hashes --no-emit-index-url \
    --custom-compile-command tools/lock.sh --output-file "$output"
  echo "wrote $output"
}

lock_npm() {
  # Away from node_modules: npm would write down what is installed here, without the packages of other platforms.
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  cp package.json package-lock.json .npmrc "$scratch"
  (
    cd "$scratch"
    npm install --package-lock-only --ignore-scripts --no-audit --no-fund
    npm ci --dry-run --ignore-scripts --no-audit --no-fund >/dev/null
  )
  cp "$scratch/package-lock.json" .
  echo "wrote package-lock.json"
}

if [ "${1:-}" = npm ]; then
  lock_npm
  exit
fi

lock requirements/dev.txt distributions/host/pyproject.toml --extra huggingface --group pyproject.toml:dev \
  --no-emit-package modelden --universal --python-version 3.12
lock requirements/kinto.txt requirements/kinto.in --universal --python-version 3.12
lock requirements/uv.txt requirements/uv.in --universal --python-version 3.12
# What runs in the page runs on Pyodide's Python, whatever the host has.
lock requirements/pyodide.txt requirements/pyodide.in --python-version 3.14 --python-platform linux
lock requirements/docs.txt requirements/docs.in --universal --python-version 3.12
lock requirements/hosts.txt requirements/hosts.in --universal --python-version 3.12
# Newest platform that uv knows: its packages are those of a page. PyYAML has no wheel for it, and pages do without.
lock requirements/hosts-pages.txt requirements/hosts-pages.in --python-version 3.14 \
  --python-platform wasm32-pyodide2025 --no-emit-package pyyaml
lock requirements/hosts-pyodide-0.27.txt requirements/hosts-pyodide-0.27.in --python-version 3.12 --python-platform linux
lock requirements/hosts-pyodide-0.29.txt requirements/hosts-pyodide-0.29.in --python-version 3.13 --python-platform linux

# Without what they need: they are read, and not installed.
lock requirements/packages.txt requirements/packages.in --no-deps --python-version 3.12 --python-platform linux

lock_npm
