#!/usr/bin/env bash
# The measurements of bench/, one after the other: ./build.sh bench
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
.venv/bin/python bench/help.py
.venv/bin/python bench/boot.py chromium firefox
node bench/longtasks.mjs chromium firefox
.venv/bin/python bench/settings.py chrome firefox
.venv/bin/python bench/engine.py chrome firefox
.venv/bin/python bench/session.py chrome firefox
.venv/bin/python bench/chat.py chrome firefox
.venv/bin/python bench/vectors.py chrome firefox
.venv/bin/python bench/lifetimes.py chrome firefox
.venv/bin/python bench/cache.py chromium firefox
.venv/bin/python bench/big.py chromium firefox
.venv/bin/python bench/start.py chromium firefox
.venv/bin/python bench/page.py chromium firefox
