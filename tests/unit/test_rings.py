"""Rings of tests that run side by side keep their outputs apart, and one that fails fails the run."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rings import Rings

MEETING = 'mkfifo {0}; echo a; echo x > {0}; echo b; echo "=== 3 passed in 1s ==="'
"""Ends only if the other ring runs at the same time."""


def shell(**scripts: str) -> Rings:
    def command(ring: str) -> Sequence[str]:
        return ["sh", "-c", scripts[ring]]

    return Rings(command)


def test_two_run_at_once_and_outputs_are_whole(
    tmp_path_factory: pytest.TempPathFactory, capfd: pytest.CaptureFixture[str]
) -> None:
    pipe = tmp_path_factory.mktemp("rings") / "pipe"
    waits = f"until [ -p {pipe} ]; do :; done; echo c; cat {pipe}; echo 4 passed"

    assert shell(one=MEETING.format(pipe), two=waits, three="echo d").run(["one", "two", "three"])

    shown = capfd.readouterr().out
    for whole in ("one ====================\na\nb\n", "two ====================\nc\nx\n4 passed\n", "three"):
        assert whole in shown
    closing = [line.split() for line in shown.splitlines()[-3:]]
    assert sorted((words[:2], words[4:]) for words in closing) == [
        (["one", "passed"], ["3", "passed", "in", "1s"]),
        (["three", "passed"], ["d"]),
        (["two", "passed"], ["4", "passed"]),
    ]


def test_a_ring_that_fails_fails_the_run_and_the_others_go_on(capfd: pytest.CaptureFixture[str]) -> None:
    rings = shell(bad="echo why >&2; exit 3", good="echo fine")

    assert not rings.run(["bad", "good"])

    assert {result.ring: result.status for result in rings.results} == {"bad": 3, "good": 0}
    *_, again, why, _, one, other = capfd.readouterr().out.splitlines()
    bad, good = sorted((one, other))
    assert (again, why) == ("ring bad failed; its last lines again:", "why")
    assert bad.startswith("bad      FAILED (3)")
    assert good.startswith("good     passed")


def test_an_interrupt_ends_all_rings_and_begins_no_other(tmp_path_factory: pytest.TempPathFactory) -> None:
    marker = tmp_path_factory.mktemp("rings") / "begun"
    rings = shell(
        endless=f"touch {marker}; sleep 1000 & wait", waits=f"until [ -e {marker} ]; do :; done", other="exit 0"
    )
    command = rings.command

    def interrupt_before_other(ring: str) -> Sequence[str]:
        if ring == "other":
            rings.interrupt()
        return command(ring)

    rings.command = interrupt_before_other

    assert not rings.run(["endless", "waits", "other", "never"])

    assert {result.ring: result.status for result in rings.results} == {"waits": 0, "endless": -15, "other": 0}
