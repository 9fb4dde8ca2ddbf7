# Lint, the rings of tests, the measurements, and cleaning up.

lint() {
  alone at_once python_environment node_environment
  at_once check_sources check_documents
}

check_sources() {
  say "lint: ruff, mypy, biome, tsc"
  .venv/bin/ruff check .
  .venv/bin/ruff format --check .
  .venv/bin/mypy
  node_modules/.bin/biome ci
  node_modules/.bin/tsc --project .
  node_modules/.bin/tsc --project web
  node_modules/.bin/tsc --project web/worker
  node_modules/.bin/tsc --project web/boot
  node_modules/.bin/tsc --project web/models
  node_modules/.bin/tsc --project web/service_worker
}

# run_tests [RING [OPTION...]]
run_tests() {
  local ring=${1:-all}
  shift || true
  case $ring in
    unit) ring_unit "$@" ;;
    pyodide) ring_pyodide "$@" ;;
    interop) ring_interop "$@" ;;
    e2e) ring_e2e "$@" ;;
    hosting) ring_hosting "$@" ;;
    hosts) ring_hosts "$@" ;;
    webkit) ring_webkit "$@" ;;
    all) all_rings ;;
    *) die "there is no ring '$ring': unit, pyodide, interop, e2e, hosting, hosts, webkit" ;;
  esac
}

# Two at a time, the longest first: a browser waits more than it works.
all_rings() {
  alone everything
  "$PYTHON" tools/rings.py pyodide e2e hosts unit hosting webkit interop
}

# All that rings need. Lint runs meanwhile: much of this is waiting for a network.
everything() {
  at_once python_environment node_environment programs
  at_once check_sources check_documents kinto_environment hosts_environment hosts_wheels packages pyodide_wheels standard_library model bundles
  build
}

unit_needs() {
  at_once python_environment node_environment
  bundles
}

# On CPython. pytest-pyodide belongs to the next ring; loaded here it would only add its options.
ring_unit() {
  alone unit_needs
  say "ring unit"
  "$PYTHON" -m pytest -p no:pytest_pyodide -p no:pytest_pyodide_hook -n auto tests/unit tests/contracts "$@"
}

# Browsers on a busy machine fail now and then for reasons of their own (a tab that crashes, a worker that never starts).
# A test with a browser that fails runs once more; the report names those that passed only then (RERUN, "flaky").
TWICE=(--reruns 1 -rR)

# A test that waits for a browser for good ends its process, with the stacks of all threads; pytest-xdist starts another
# one. A signal's exception would end Playwright's event loop instead, and every later call would wait for ever.
ENDED=(--timeout 900 --timeout-method thread)

# in_browsers PROCESSES [OPTION...]: pytest with pages; each process has one browser (tests/pyodide/spread.py).
in_browsers() {
  local processes=$1
  shift
  "$PYTHON" -m pytest --rt chrome,firefox --runner playwright --dist-dir build/pyodide -n "$processes" \
    --dist loadgroup --no-loadscope-reorder "${TWICE[@]}" "${ENDED[@]}" "$@"
}

# The built wheel on Pyodide, in both browsers.
ring_pyodide() {
  alone build
  browsers
  say "ring pyodide"
  in_browsers 4 tests/pyodide "$@"
}

# A real Remote Settings server (Kinto), asked by pages in both browsers.
ring_interop() {
  alone build
  alone kinto_environment
  browsers
  say "ring interop"
  in_browsers 2 tests/interop "$@"
}

# The demo page and the local server, in both browsers.
ring_e2e() {
  alone build
  browsers
  say "ring e2e"
  node_modules/.bin/playwright test "$@"
}

# A published tree outside of this project: nginx, load, browsers, other people's tests.
ring_hosting() {
  alone build
  alone packages
  programs
  say "ring hosting"
  "$PYTHON" -m pytest -p no:pytest_pyodide -p no:pytest_pyodide_hook "${TWICE[@]}" "${ENDED[@]}" tests/hosting "$@"
}

hosts_needs() {
  build
  at_once hosts_environment hosts_wheels
  host_sites
}

# The starts of docs/hosts.md in JupyterLite, PyScript, marimo and older versions of Pyodide.
ring_hosts() {
  alone hosts_needs
  browsers
  say "ring hosts"
  "$PYTHON" -m pytest -p no:pytest_pyodide -p no:pytest_pyodide_hook -n 2 --dist loadfile "${TWICE[@]}" "${ENDED[@]}" \
    tests/hosts "$@"
}

# Safari's engine: WebKitGTK, driven by Selenium.
ring_webkit() {
  alone build
  webkit_programs
  say "ring webkit"
  "$PYTHON" -m pytest -p no:pytest_pyodide_hook "${TWICE[@]}" "${ENDED[@]}" tests/webkit "$@"
}

bench() {
  alone build
  browsers
  bash bench/run.sh
}

clean() {
  rm -rf build dist playwright-report test-results src/modelden/_js/assets src/modelden/host/serve/service_worker.js
  say "downloads stay in .cache, the environments in .venv and node_modules: delete those by hand to get rid of them"
}
