# The site of the documents: dist/site, from docs/, README and the docstrings. Each link is checked.

docs_environment() {
  once .cache/docs/lock-installed requirements/docs.txt -- install_docs
}

install_docs() {
  local uv
  rm -rf .cache/docs
  if uv=$(find_uv); then
    "$uv" venv --quiet --python "$PYTHON" .cache/docs
    "$uv" pip install --quiet --python .cache/docs/bin/python --require-hashes -r requirements/docs.txt
  else
    "$PYTHON" -m venv .cache/docs
    .cache/docs/bin/python -m pip install --quiet --require-hashes -r requirements/docs.txt
  fi
  touch .cache/docs/lock-installed
}

# Strict: a link that leads nowhere ends it.
build_documents() {
  docs_environment
  say "the documents: $1"
  NO_MKDOCS_2_WARNING=1 .cache/docs/bin/mkdocs build --quiet --strict --site-dir "$PWD/$1"
}

# Away from dist: a check leaves the site of a reader alone.
check_documents() { build_documents build/docs; }

docs() {
  alone python_environment
  alone build_documents dist/site
}
