"""Exit with 0 when the index of pyodide-build's cross-build environments can be reached."""

import sys

import requests
from pyodide_build.xbuildenv_releases import cross_build_env_metadata_url

try:
    requests.get(cross_build_env_metadata_url(), timeout=5).raise_for_status()
except requests.RequestException as error:
    print(f"pyodide build: {type(error).__name__} at its index", file=sys.stderr)
    sys.exit(1)
