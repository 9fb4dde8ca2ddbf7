# The site of the documents: dist/site, from docs/, README and the docstrings. Each link is checked.

docs_environment() {
  once .cache/docs/lock-installed requirements/docs.txt -- install_apart docs "$PYTHON"
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
