#!/usr/bin/env bash
# Everything one does with this repository, each command from a fresh clone:
#   ./build.sh setup                     the Python and Node environments, the browsers
#   ./build.sh build                     the wheel, a Pyodide distribution, the demo's data and page
#   ./build.sh demo                      serve the demo page
#   ./build.sh demo --check [BROWSER]    drive it headlessly in chromium, firefox or both, cold and warm; prints JSON
#   ./build.sh test                      lint and every ring of tests
#   ./build.sh test RING [OPTION...]     one ring (unit, pyodide, interop, e2e, hosting, hosts, webkit);
#                                        options go to its runner
#   ./build.sh lint                      ruff, mypy, biome, tsc, links of the documents
#   ./build.sh docs                      the site of the documents, dist/site
#   ./build.sh bench                     the measurements of bench/
#   ./build.sh clean                     remove what `build` made
# The steps are in tools/steps/, one file a subject. They say what they do on stderr.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

for part in common python kinto packages node programs wheel site hosts docs checks; do
  # shellcheck source=/dev/null
  source "tools/steps/$part.sh"
done

setup() { at_once python_environment node_environment browsers; }

build() {
  at_once python_environment node_environment
  at_once bundles pyodide_wheels standard_library model
  wheel
  pyodide_distribution
  tree
  site
}

main() {
  local command=${1:-help}
  shift || true
  case $command in
    setup) alone setup ;;
    build) alone build ;;
    demo) demo "$@" ;;
    test) run_tests "$@" ;;
    lint) lint ;;
    docs) docs ;;
    bench) bench ;;
    clean) clean ;;
    help | --help | -h) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" ;;
    *) die "there is no command '$command'; ./build.sh help lists them" ;;
  esac
}

main "$@"
