# The environment of the Kinto server that ring interop asks (.cache/kinto): its plugins want Python 3.12 or 3.13.

kinto_environment() {
  once .cache/kinto/lock-installed requirements/kinto.txt -- install_kinto
}

install_kinto() {
  local python
  python=$(find_kinto_python) || die "ring interop needs Python 3.12 or 3.13 for Kinto: install one of them, or uv, then run this again"
  install_apart kinto "$python"
}

find_kinto_python() {
  local candidate
  for candidate in python3.13 python3.12 python3 "$PYTHON" "$HOME"/.pyenv/versions/*/bin/python3.1[23]; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 12), (3, 13)))' >/dev/null 2>&1; then
      command -v "$candidate"
      return 0
    fi
  done
  command -v uv >/dev/null && { uv python find '>=3.12,<3.14' 2>/dev/null || { uv python install 3.13 >&2 && uv python find '>=3.12,<3.14'; }; }
}
