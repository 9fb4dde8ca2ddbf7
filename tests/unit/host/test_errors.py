from __future__ import annotations

from pathlib import Path

import pytest

from modelden.host.errors import MachineError, machine_errors


def test_a_disk_without_room_is_told_with_the_way_out() -> None:
    # the kernel's own full disk
    with (
        pytest.raises(MachineError, match=r"Cannot write it: No space left on device.*free some room"),
        machine_errors("Cannot write it"),
        Path("/dev/full").open("wb", buffering=0) as disk,
    ):
        disk.write(b"x")
