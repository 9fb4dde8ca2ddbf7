from __future__ import annotations

import json

import pytest

from modelden.host.commands.output import Size, print_facts, print_table


def test_people_read_sizes_with_a_unit_and_machines_read_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    facts = {"files": 12, "bytes": Size(23_300_000)}

    print_facts(facts, as_json=False)
    assert capsys.readouterr().out.splitlines() == ["files  12", "bytes  23.3 MB"]

    print_facts(facts, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"files": 12, "bytes": 23_300_000}


def test_sizes_of_listed_files_have_a_unit_too(capsys: pytest.CaptureFixture[str]) -> None:
    files = [{"path": "onnx/model.onnx", "size": 22_823_642, "sha256": "aa"}]

    print_facts({"files": files}, as_json=False)
    assert capsys.readouterr().out == "files  onnx/model.onnx  22.8 MB\n"

    print_facts({"files": files}, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"files": files}


def test_a_table_has_columns_as_wide_as_their_cells(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["model", "size"], [["acme/minilm", "22.8 MB"], ["a\x1bb", ""]], empty="None.")
    assert capsys.readouterr().out.splitlines() == ["model        size", "acme/minilm  22.8 MB", "a\\x1bb"]

    print_table(["model", "size"], [], empty="No model is stored.")
    assert capsys.readouterr().out == "No model is stored.\n"
