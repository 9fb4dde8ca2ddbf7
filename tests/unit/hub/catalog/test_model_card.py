from __future__ import annotations

import pytest

from modelden.hub.catalog.model_card import licence_of


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: apache-2.0\ntags:\n- x\n---\n# Model", "apache-2.0"),
        ("---\r\ntags: [x]\r\nlicense: 'mit' # as upstream\r\n---\r\n", "mit"),
        ("---\nlicense: other\nlicense_name: own\nlicense_link: LICENSE.md\n---\n", "own LICENSE.md"),
        ("---\nlicense: other\n---\n", "other"),
        ("---\nlicense:\n- mit\n- apache-2.0\nlanguage: en\n---\n", "mit, apache-2.0"),
        ("---\nlicense: [mit, gpl]\n---\n", "mit, gpl"),
        ('{"license": "mpl-2.0"}', "mpl-2.0"),
        ("# Model\n\nlicense: in prose\n", None),
        ("---\ntags: [x]\n---\nlicense: in prose\n", None),
        ("[]", None),
        ("---\nlicense:\n---\n", None),
        ("", None),
    ],
)
def test_the_metadata_of_a_card_name_its_licence(card: str, licence: str | None) -> None:
    assert licence_of(card) == licence


def test_a_licence_is_short() -> None:
    assert licence_of(f"---\nlicense: {'x' * 10_000}\n---\n") == "x" * 200
