"""Time to the first token of a chat's second turn, against a fresh run of the same messages.

    python bench/chat.py chrome firefox
    python bench/chat.py --times 3 chrome

Both run in turns in one page, with one model: one layer of 512 numbers, random weights, chats of about 1,500 tokens.
The turn reuses the key-value cache of the first one, and the fresh run computes all tokens. ``--major 6`` takes the
runtime with transformers.js 4. The ratio compares within one run. Milliseconds; prints JSON on stdout.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from pages import BROWSERS, ROOT, page_with_pyodide, report  # also makes tests/ known

from tests.pyodide.servers import REVISION, Site, offer_runtime_6, write_tiny_tree
from tests.tiny_models.generation import Shape, text_generation

MODEL, TIMES = "test/chat", 15


def measure(name: str, times: int, major: int) -> dict[str, Any]:
    """Measure in one browser."""
    with tempfile.TemporaryDirectory() as folder:
        tree = write_tiny_tree(Path(folder))
        for path, content in text_generation(Shape(heads=8, head=64, positions=2048)).items():
            file = tree / "hub" / MODEL / REVISION / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        with Site(tree) as site, page_with_pyodide(name) as runner:
            if major == 6:
                offer_runtime_6(site)
            source = (ROOT / "bench/chat_in_page.py").read_text(encoding="utf-8")
            runner.run_js(f"pyodide.FS.writeFile('/home/pyodide/chat_in_page.py', {json.dumps(source)})")
            runner.load_package("modelden")
            config, model = json.dumps({**site.config, "runtime_major": major}), f"{MODEL} {REVISION}"
            text = runner.run_async(
                "import json, chat_in_page\n"
                f"json.dumps(await chat_in_page.measure_turns(json.loads({config!r}), {model!r}, {times}))"
            )
    return {key: round(value, 3) for key, value in json.loads(text).items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--major", type=int, choices=(5, 6), default=6)
    parser.add_argument("browsers", nargs="*", default=BROWSERS)
    arguments = parser.parse_args()
    report(partial(measure, times=arguments.times, major=arguments.major), arguments.browsers)
