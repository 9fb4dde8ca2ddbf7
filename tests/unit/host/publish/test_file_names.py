from __future__ import annotations

import pytest

from modelden.host.publish.file_names import collisions, name_fault


@pytest.mark.parametrize(
    "path",
    [
        *("CON", "con.json", "onnx/Aux.onnx", "nul", "PRN.txt", "COM1", "lpt9.txt", "COM\u00b9", "conin$", "a/NUL/b"),
        *("config.", "folder./x", "name ", "a:b", 'a"b', "a<b", "a|b", "a?b", "a*b", "a\\b", "a\x01b"),
        *(
            "aux.json",
            "lpt\u00b3.txt",
            "com0",
            "NUL .txt",
            "/etc/hosts",
            "a//b",
            "a/",
            "x/" + "a" * 256,
            "\u00fc" * 128 + ".json",
            "a\tb",
        ),
    ],
)
def test_names_that_windows_cannot_have(path: str) -> None:
    assert name_fault(path) is not None


@pytest.mark.parametrize(
    "path", ["config.json", "onnx/model.onnx", "console.json", "com10", ".gitkeep", "grüße 1.txt", "a" * 255]
)
def test_names_that_every_machine_can_have(path: str) -> None:
    assert name_fault(path) is None


@pytest.mark.parametrize(
    ("paths", "count"),
    [
        (["a.json", "b.json"], 0),
        (["Config.json", "config.json"], 1),
        (["onnx/A", "ONNX/a"], 1),
        (["stra\u00dfe", "strasse"], 1),
        (["caf\u00e9", "cafe\u0301"], 1),
        (["\ufb01le", "file"], 1),
        (["a", "A/b"], 1),
        (["a/b", "A/c"], 0),
        (["x", "X", "\uff58"], 2),
    ],
)
def test_names_that_are_one_file_elsewhere(paths: list[str], count: int) -> None:
    assert len(collisions(paths)) == count
