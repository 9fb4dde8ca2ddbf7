# What the ring `hosting` needs besides: Debian's nginx, to serve the same tree, and wrk, to load both.

hosting_programs() {
  local missing=()
  on_path nginx >/dev/null || missing+=(nginx-light)
  on_path wrk >/dev/null || missing+=(wrk)
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    die "needs nginx and wrk on the PATH; not found: ${missing[*]}." \
      "On Debian: sudo apt-get install --no-install-recommends ${missing[*]}"
  fi
  say "installing ${missing[*]}"
  apt-get update -qq >&2
  # The package starts nginx as a service; the tests start their own.
  RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# A published tree outside of this project: nginx, load, browsers, other people's tests.
ring_hosting() {
  alone build
  browsers
  hosting_programs
  say "ring hosting"
  "$PYTHON" -m pytest -p no:pytest_pyodide -p no:pytest_pyodide_hook "${TWICE[@]}" tests/hosting "$@"
}
