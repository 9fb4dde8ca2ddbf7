# The hosts of ring hosts: JupyterLite and marimo in an environment of their own, and the sites that they build.

hosts_environment() {
  once .cache/hosts/lock-installed requirements/hosts.txt -- install_apart hosts "$PYTHON"
}

hosts_wheels() {
  once .cache/hosts-wheels requirements/hosts-pages.txt requirements/hosts-pyodide-0.27.txt requirements/hosts-pyodide-0.29.txt -- \
    download_hosts_wheels
}

# Of Pyodide's Python, pure or compiled for it (PEP 783); the older versions have pure ones only.
download_hosts_wheels() {
  rm -rf .cache/hosts-wheels
  download_for_pages requirements/hosts-pages.txt .cache/hosts-wheels --python-version 3.14 --abi cp314 --implementation cp \
    --platform pyemscripten_2026_0_wasm32
  local version
  for version in 0.27 0.29; do
    download_for_pages "requirements/hosts-pyodide-$version.txt" ".cache/hosts-wheels/pyodide-$version"
  done
}

# download_for_pages LOCK FOLDER [OPTION...]
download_for_pages() {
  local lock=$1 folder=$2
  shift 2
  "$PYTHON" -m pip download --quiet --require-hashes --no-deps --only-binary=:all: --platform any --abi none "$@" \
    --requirement "$lock" --dest "$folder"
}

host_sites() {
  once build/hosts .cache/hosts/lock-installed .cache/hosts-wheels .cache/stdlib dist/*.whl package-lock.json docs/hosts.md \
    tools/host_sites.py tools/host_pages.py tools/pyodide_dist.py tools/folders.py -- make_host_sites
}

make_host_sites() {
  "$PYTHON" tools/host_sites.py --environment .cache/hosts --npm node_modules --stdlib .cache/stdlib/python_stdlib.zip \
    --wheel dist/modelden-[0-9]*.whl --page-wheels .cache/hosts-wheels --out build/hosts
}
