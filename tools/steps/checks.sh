# Lint, the rings of tests, the measurements, and cleaning up.

lint() {
  alone python_environment
  alone node_environment
  say "lint: ruff, mypy, biome, tsc"
  .venv/bin/ruff check .
  .venv/bin/ruff format --check .
  .venv/bin/mypy
  node_modules/.bin/biome ci
  node_modules/.bin/tsc --project .
  node_modules/.bin/tsc --project web
  node_modules/.bin/tsc --project web/worker
}

# run_tests [RING [OPTION...]]
run_tests() {
  if [ $# = 0 ]; then
    lint
    set -- all
  fi
  local ring=$1
  shift
  case $ring in
    unit) ring_unit "$@" ;;
    pyodide) ring_pyodide "$@" ;;
    interop) ring_interop "$@" ;;
    e2e) ring_e2e "$@" ;;
    hosting) ring_hosting "$@" ;;
    all) ring_unit && ring_pyodide && ring_interop && ring_e2e && ring_hosting ;;
    *) die "there is no ring '$ring': unit, pyodide, interop, e2e, hosting" ;;
  esac
}

# On CPython. pytest-pyodide belongs to the next ring; loaded here it would only add its options.
ring_unit() {
  alone python_environment
  alone node_environment
  alone bundles
  say "ring unit"
  "$PYTHON" -m pytest -p no:pytest_pyodide -p no:pytest_pyodide_hook -n auto tests/unit tests/contracts "$@"
}

# Browsers on a busy machine fail now and then for reasons of their own (a tab that crashes, a worker that never starts).
# A test with a browser that fails runs once more; the report names those that passed only then (RERUN, "flaky").
TWICE=(--reruns 1 -rR)

# in_browsers [OPTION...]: pytest with pages, a process for each browser. Tests without a browser keep their place before
# the others: once Playwright's synchronous API has started, its event loop runs for good in that process, and no
# coroutine test can.
in_browsers() {
  "$PYTHON" -m pytest --rt chrome,firefox --runner playwright --dist-dir build/pyodide -n 2 --dist loadgroup \
    --no-loadscope-reorder "${TWICE[@]}" "$@"
}

# The built wheel on Pyodide, in both browsers.
ring_pyodide() {
  alone build
  browsers
  say "ring pyodide"
  in_browsers tests/pyodide "$@"
}

# A real Remote Settings server (Kinto), asked by pages in both browsers.
ring_interop() {
  alone build
  alone kinto_environment
  browsers
  say "ring interop"
  in_browsers tests/interop "$@"
}

# The demo page and the local server, in both browsers.
ring_e2e() {
  alone build
  browsers
  say "ring e2e"
  node_modules/.bin/playwright test "$@"
}

bench() {
  alone build
  browsers
  bash bench/run.sh
}

clean() {
  rm -rf build dist playwright-report test-results src/modelden/_js/assets
  say "downloads stay in .cache, the environments in .venv and node_modules: delete those by hand to get rid of them"
}
