"""Exact search in a `VectorIndex` of 20,000 vectors of 384 numbers, against one pass over them in plain JavaScript.

    python bench/vectors.py chrome firefox

Both search in turns in one page: modelden in its worker, and a bare loop that chooses nothing in the page.
The ratio compares within one run. Milliseconds; prints JSON on stdout.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pages import ROOT, page_with_pyodide, report

ROWS, DIMENSIONS, TIMES = 20_000, 384, 60

_ALONE = """
    const [rows, dimensions] = %s;
    const vectors = new Float32Array(rows * dimensions).map(() => Math.random() - 0.5);
    const query = vectors.slice(0, dimensions);
    globalThis.searchAlone = () => {
        const start = performance.now();
        let best = -Infinity;
        for (let row = 0; row < rows; row++) {
            let sum = 0;
            for (let i = 0, at = row * dimensions; i < dimensions; i++, at++) sum += query[i] * vectors[at];
            if (sum > best) best = sum;
        }
        return performance.now() - start;
    };
    globalThis.vectorsAlone = vectors;
"""


def measure(name: str) -> dict[str, Any]:
    """Measure in one browser."""
    with page_with_pyodide(name) as runner:
        runner.run_js(_ALONE % json.dumps([ROWS, DIMENSIONS]))
        source = (ROOT / "bench/vectors_in_page.py").read_text(encoding="utf-8")
        runner.run_js(f"pyodide.FS.writeFile('/home/pyodide/vectors_in_page.py', {json.dumps(source)})")
        runner.load_package("modelden")
        text = runner.run_async(
            f"import json, vectors_in_page\njson.dumps(await vectors_in_page.searches({ROWS}, {DIMENSIONS}, {TIMES}))"
        )
        return {key: round(value, 3) for key, value in json.loads(text).items()}


if __name__ == "__main__":
    report(measure, sys.argv[1:])
