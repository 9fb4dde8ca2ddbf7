# The Python environment .venv: Python 3.12 or newer, everything of requirements/dev.txt, and this project, editable.

PYTHON=.venv/bin/python

# new_enough PYTHON: a name on the PATH proves nothing (pyenv's shims refuse to run what is not selected), so run it.
new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1
}

# find_python: prints a Python that is new enough.
find_python() {
  local candidate
  for candidate in python3.14 python3.13 python3.12 python3 "$HOME"/.pyenv/versions/*/bin/python3.1[2-9]; do
    if new_enough "$candidate"; then
      command -v "$candidate"
      return 0
    fi
  done
  if command -v uv >/dev/null; then
    uv python find '>=3.12' 2>/dev/null || { uv python install 3.13 >&2 && uv python find '>=3.12'; }
    return
  fi
  return 1
}

# An environment whose Python has gone or is too old cannot be repaired: it is made anew.
create_venv() {
  local found
  found=$(find_python) || die "needs Python 3.12 or newer: install python3.12 (or newer) or uv, then run this again"
  say "Python: $("$found" --version) at $found"
  if command -v uv >/dev/null; then
    uv venv --quiet --clear --python "$found" .venv
  else
    rm -rf .venv
    "$found" -m venv .venv ||
      die "$found cannot make a virtual environment: install its venv module (Debian: python3-venv) or uv, then run this again"
  fi
}

# uv installs in seconds what takes pip a minute; where it cannot be had, pip does the same from the same lock.
find_uv() {
  if command -v uv; then
    return 0
  fi
  if [ ! -x .venv/bin/uv ]; then
    "$PYTHON" -m pip install --quiet --require-hashes -r requirements/uv.txt >&2 || return 1
  fi
  echo .venv/bin/uv
}

install_lock() {
  local uv
  if uv=$(find_uv); then
    "$uv" pip install --quiet --python "$PYTHON" --require-hashes -r requirements/dev.txt
  else
    say "uv is not to be had here; pip does its work"
    "$PYTHON" -m pip install --quiet --require-hashes -r requirements/dev.txt
  fi
  touch .venv/lock-installed
}

# install_apart NAME PYTHON: an environment of its own in .cache/NAME, from requirements/NAME.txt.
install_apart() {
  local folder=.cache/$1 lock=requirements/$1.txt python=$2 uv
  rm -rf "$folder"
  if uv=$(find_uv); then
    "$uv" venv --quiet --python "$python" "$folder"
    "$uv" pip install --quiet --python "$folder/bin/python" --require-hashes -r "$lock"
  else
    "$python" -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet --require-hashes -r "$lock"
  fi
  touch "$folder/lock-installed"
}

# Without isolation: the back end is in the lock, so nothing is fetched. The second one brings the command.
install_project() {
  local folder
  for folder in . distributions/host; do
    "$PYTHON" -m pip install --quiet --no-deps --no-build-isolation --editable "$folder"
  done
}

python_environment() {
  new_enough "$PYTHON" || create_venv
  once .venv/lock-installed requirements/dev.txt requirements/uv.txt .venv/pyvenv.cfg -- install_lock
  once .venv/bin/modelden pyproject.toml distributions/host/pyproject.toml .venv/pyvenv.cfg -- install_project
}
