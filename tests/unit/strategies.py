"""Values for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

JS_NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
"""What JSON.parse gives and JSON.stringify keeps."""

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
"""Without lone surrogates."""

KEYS = TEXTS.filter(lambda key: not key.startswith("$"))
"""Without the tags of `modelden.engine.values`: Hypothesis draws constants of the sources too."""

JSON = st.recursive(
    st.none() | st.booleans() | JS_NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
