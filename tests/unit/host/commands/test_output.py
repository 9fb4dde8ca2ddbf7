from __future__ import annotations

import json

import pytest

from modelden.host.commands.output import Size, print_facts


def test_people_read_sizes_with_a_unit_and_machines_read_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    facts = {"files": 12, "bytes": Size(23_300_000)}

    print_facts(facts, as_json=False)
    assert capsys.readouterr().out.splitlines() == ["files  12", "bytes  23.3 MB"]

    print_facts(facts, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"files": 12, "bytes": 23_300_000}
