"""Results as HTML for notebooks: facts in two columns, and tables. Pure.

Colours are those of the host, so that results are readable in light and dark. All text is escaped.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from modelden.core.units import format_size

MAX_ROWS = 100
"""Rows of a table; a last row has the number of others."""

_CELL = 1000  # characters of a value
_STYLE = "text-align:left;vertical-align:top"


def facts(title: str, pairs: Iterable[tuple[str, object]]) -> str:
    """Return a title and a table of two columns; pairs with None are left out."""
    rows = "".join(
        f'<tr><th scope="row" style="{_STYLE}">{escape(name)}</th><td style="{_STYLE}">{_cell(value)}</td></tr>'
        for name, value in pairs
        if value is not None
    )
    return f"<table><caption>{escape(title)}</caption><tbody>{rows}</tbody></table>"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table with a title and a header; `MAX_ROWS` rows at most."""
    head = "".join(f'<th scope="col" style="{_STYLE}">{escape(column)}</th>' for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td style="{_STYLE}">{_cell(value)}</td>' for value in row)}</tr>" for row in rows[:MAX_ROWS]
    )
    if len(rows) > MAX_ROWS:
        body += f'<tr><td colspan="{len(columns)}">and {len(rows) - MAX_ROWS} more</td></tr>'
    return f"<table><caption>{escape(title)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def size(number: float | None) -> str | None:
    """Write bytes as people do; None stays None."""
    return None if number is None else format_size(number)


def date(milliseconds: float | None) -> str | None:
    """Write a time since the epoch as a local date and time; None stays None."""
    return None if milliseconds is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(milliseconds / 1000))


def span(milliseconds: float | None) -> str | None:
    """Write a time span: ``8.3 ms``, ``1.25 s``; None stays None."""
    if milliseconds is None:
        return None
    return f"{milliseconds / 1000:.2f} s" if milliseconds >= 1000 else f"{milliseconds:.3g} ms"


def flag(value: bool | None) -> str | None:  # noqa: FBT001  the value itself
    """Write a truth as a word; None stays None."""
    return None if value is None else ("yes" if value else "no")


def _cell(value: object) -> str:
    return "" if value is None else escape(str(value))


def records(items: Sequence[Mapping[str, object]]) -> str:
    """Return a table of dicts: a column for each name, numbers with four digits, a row for each dict."""
    names = list(dict.fromkeys(name for item in items for name in item))
    count = "1 result" if len(items) == 1 else f"{len(items)} results"
    return table(count, names, [[_short(item.get(name)) for name in names] for item in items])


def _short(value: object) -> object:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return None if value is None else text if len(text) <= _CELL else f"{text[:_CELL]}…"
