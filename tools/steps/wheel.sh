# The worker bundles, the wheel of a page, that of the command, and the one that is imported as onnxruntime.

bundles() {
  once src/modelden/_js/assets/engine-5.js web/worker web/boot web/models web/service_worker tools/bundle.mjs tools/licenses package-lock.json -- node tools/bundle.mjs
}

wheel() {
  once dist src/modelden distributions pyproject.toml README.md LICENSE tools/check_wheel.py \
    tools/wheel_sources.py tools/compress_wheel.py -- build_wheel
}

# Both ways run the same back end, and a pure wheel comes out the same. Its dates are fixed, so equal sources give equal bytes.
build_wheel() {
  export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1577836800}
  rm -rf dist
  if pyodide_build; then
    say "built the wheel with pyodide build"
  else
    "$PYTHON" -m build --wheel --no-isolation --outdir dist
    say "built the wheel with hatchling alone: pyodide build could not get its cross-build environment"
  fi
  "$PYTHON" tools/compress_wheel.py dist/modelden-*.whl
  local folder
  for folder in distributions/*/; do
    "$PYTHON" -m build --wheel --no-isolation --outdir dist "$folder"
  done
  "$PYTHON" tools/check_wheel.py dist
}

# pyodide build downloads a cross-build environment once. A closed network must not hang a build, so its index is asked first,
# for a few seconds.
pyodide_build() {
  local environment=.cache/xbuildenv
  [ -d $environment ] || timeout 20 "$PYTHON" tools/probe_xbuildenv.py || return 1
  timeout 300 .venv/bin/pyodide build --no-isolation --xbuildenv-path $environment --outdir dist && return 0
  rm -rf $environment dist
  return 1
}
