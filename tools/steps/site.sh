# What `modelden serve` needs: a Pyodide distribution, a tree with model, runtime and settings, and the page.

pyodide_wheels() { once .cache/pyodide-wheels requirements/pyodide.txt -- download_pyodide_wheels; }

# Bytecode: a page starts in less than half of the time. Pyodide itself compiles it, in Node.
standard_library() {
  local library=.cache/stdlib/python_stdlib.zip
  once $library node_modules/pyodide/package.json src/modelden/host/browser/stdlib.py src/modelden/host/browser/stdlib_script.py -- \
    .venv/bin/modelden stdlib node_modules/pyodide --out $library
}

pyodide_distribution() {
  once build/pyodide .cache/pyodide-wheels .cache/stdlib dist/*.whl node_modules/pyodide/package.json tools/pyodide_dist.py \
    tools/folders.py src/modelden/host/browser/snapshot.py -- assemble_pyodide
}

# With a memory snapshot, from which the demo starts. A browser makes it; without one, Python starts as ever.
assemble_pyodide() {
  "$PYTHON" tools/pyodide_dist.py --npm node_modules/pyodide --stdlib .cache/stdlib/python_stdlib.zip \
    --wheels .cache/pyodide-wheels/*.whl dist/modelden-*.whl dist/modelden_onnxruntime-*.whl --out build/pyodide
  .venv/bin/modelden snapshot build/pyodide || say "build/pyodide has no snapshot"
}

# For Pyodide's Python and not for this one: the lock is made for it, and only pure wheels are of use.
download_pyodide_wheels() {
  rm -rf .cache/pyodide-wheels
  "$PYTHON" -m pip download --quiet --require-hashes --no-deps --only-binary=:all: --python-version 3.14 --platform any \
    --implementation py --abi none --requirement requirements/pyodide.txt --dest .cache/pyodide-wheels
}

model() {
  once .cache/minilm requirements/dev.txt tools/minilm.py tools/minilm_graph.py tools/minilm_check.py -- \
    "$PYTHON" tools/minilm.py --out .cache/minilm --cache .cache/downloads
}

tree() {
  local runtimes=node_modules/onnxruntime-web/dist
  once build/tree .cache/minilm src/modelden/_js/assets/runtimes.json tools/demo_tree.py src/modelden/host -- \
    "$PYTHON" tools/demo_tree.py --model .cache/minilm --runtimes $runtimes --out build/tree
}

site() {
  local assets=src/modelden/_js/assets
  once build/site web/demo build/pyodide $assets tools/demo_site.py tools/folders.py -- \
    "$PYTHON" tools/demo_site.py --page web/demo --pyodide build/pyodide --assets $assets --out build/site
}

PORT=8642

# demo [--check [BROWSER]]
demo() {
  alone build
  if [ "${1:-}" = --check ]; then
    browsers
    local browser
    for browser in ${2:-chromium firefox}; do
      node tools/demo_check.mjs "$browser"
    done
  else
    say "the demo: http://localhost:$PORT/ (stop it with Ctrl+C)"
    exec .venv/bin/modelden serve build/tree --site build/site --port $PORT
  fi
}
