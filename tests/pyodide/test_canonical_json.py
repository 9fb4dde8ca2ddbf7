"""Canonical JSON writes numbers and texts as the browser's own JavaScript does, whatever they are."""

from __future__ import annotations

from pytest_pyodide import run_in_pyodide


@run_in_pyodide(packages=["modelden"])
def test_numbers_are_written_as_ecmascript_does(selenium: object) -> None:
    import math
    import random
    import struct

    from pyodide.code import run_js

    from modelden.settings.json_text import canonical_json

    chance = random.Random(20261123)  # noqa: S311  the same each time
    powers = [sign * 10.0**exponent for exponent in range(-30, 30) for sign in (1, -1)]
    neighbours = [value * factor for value in powers for factor in (1 - 2**-53, 1 + 2**-52)]
    bits = [struct.unpack("d", chance.randbytes(8))[0] for _ in range(10_000)]
    short = [chance.randrange(10**6) / 10 ** chance.randrange(12) for _ in range(5_000)]
    whole = [float(chance.getrandbits(chance.randrange(1, 100))) for _ in range(5_000)]
    edges = [5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e21, 1e-7, 2.0**53, 123456789012345680000.0]
    numbers = [
        each
        for each in [*powers, *neighbours, *bits, *short, *whole, *edges]
        # JavaScript writes minus zero as 0 and canonical JSON as -0: a test of ring 1. NaN has no form at all.
        if each and math.isfinite(each)
    ]
    packed = struct.pack(f"{len(numbers)}d", *numbers)

    expected = run_js("(bytes) => Array.from(new Float64Array(bytes.toJs().slice().buffer), String).join(' ')")(packed)

    assert len(numbers) > 20_000
    assert [canonical_json(each) for each in numbers] == expected.split(" ")


@run_in_pyodide(packages=["modelden"])
def test_texts_and_keys_are_written_as_ecmascript_does(selenium: object) -> None:
    import json
    import random

    from pyodide.code import run_js

    from modelden.settings.json_text import canonical_json

    # Firefox's CanonicalJSON.sys.mjs in few words, over the JSON of this browser.
    javascript = run_js(
        r"""
        const canonical = (value) => {
            if (Array.isArray(value)) return `[${value.map(canonical)}]`;
            if (value === null || typeof value !== "object") return JSON.stringify(value);
            return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)}}`;
        };
        const escaped = (unit) => "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0");
        (text) => canonical(JSON.parse(text)).replace(/[^\x20-\x7e]/g, escaped)
        """
    )
    chance = random.Random(20261123)  # noqa: S311  the same each time
    ranges = [(0, 0x20), (0x20, 0x7F), (0x7F, 0x300), (0x2000, 0x2100), (0xD700, 0xD800), (0xE000, 0x110000)]

    def text() -> str:
        return "".join(chr(chance.randrange(*chance.choice(ranges))) for _ in range(chance.randrange(8)))

    def value(depth: int) -> object:
        kind = chance.randrange(6 if depth else 4)
        if kind == 5:
            return {text(): value(depth - 1) for _ in range(chance.randrange(6))}
        if kind == 4:
            return [value(depth - 1) for _ in range(chance.randrange(6))]
        return [None, chance.random() < 0.5, chance.randrange(-1000, 1000), text()][kind]

    values = [{text(): value(3) for _ in range(6)} for _ in range(500)]
    for each in values:
        assert canonical_json(each) == javascript(json.dumps(each))
