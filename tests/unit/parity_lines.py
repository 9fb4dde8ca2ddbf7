"""Lines of the tables in ``docs/firefox-parity.md``."""

from __future__ import annotations

from collections.abc import Mapping


def parity_line(name: str, steps: int, reasons: Mapping[int, str]) -> str:
    """A recording's line: its steps, those that are as recorded, and why the others differ."""
    by_reason: dict[str, list[str]] = {}
    for step, why in sorted(reasons.items()):
        by_reason.setdefault(why, []).append(str(step))
    text = "; ".join(f"{', '.join(numbers)}: {why}" for why, numbers in by_reason.items())
    return f"| `{name}` | {steps} | {steps - len(reasons)} | {text or '-'} |"
