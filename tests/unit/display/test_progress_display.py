"""Lines of progress over recorded loads, in simulated hosts."""

from __future__ import annotations

import asyncio
import sys
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest

from modelden.core.events import DONE, DOWNLOADING, INITIATE, STARTING_ENGINE, ProgressEvent, Reporter, report_plan
from modelden.core.shown_progress import shown_progress
from modelden.display.progress_display import ProgressDisplay, ProgressHost
from modelden.display.progress_hosts import ElementHost, KernelHost, LogHost, MarimoHost, PyScriptHost, TerminalHost
from modelden.display.progress_line import duration
from modelden.errors import InputError

MB = 1_000_000


class Clock:
    """Seconds that pass by half a second with each chunk."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def load(display: ProgressDisplay, clock: Clock, *, fail: bool = False) -> None:
    """Download a model of 40 MB, of known size, at 8 MB in a second."""
    with display as callback:
        callback(ProgressEvent(STARTING_ENGINE, INITIATE, "engine"))
        report_plan(callback, "model", {"m": 40 * MB})
        with Reporter(callback, DOWNLOADING, "m", {"file": "onnx/model.onnx"}) as reporter:
            for _ in range(10):
                clock.now += 0.5
                reporter.advance(4 * MB, 40 * MB)
                if fail and clock.now > 2:
                    raise InputError("The server is gone.")
        callback(ProgressEvent(STARTING_ENGINE, DONE, "engine"))


def shown(host: ProgressHost, *, delay: float = 0.0) -> None:
    clock = Clock()
    load(ProgressDisplay(host, None, delay=delay, clock=clock), clock)


def test_a_terminal_shows_bar_file_bytes_rate_and_time_left_in_one_line() -> None:
    stream = StringIO()

    shown(TerminalHost(stream))

    lines = stream.getvalue().split("\r\x1b[K")
    assert lines[0] == ""
    assert "│████████            │  40%  onnx/model.onnx  16.0 of 40.0 MB  8.0 MB/s  3 s left" in lines
    assert lines[-1] == "│████████████████████│ 100%  done  40.0 MB\n"
    assert "\n" not in "".join(lines[:-1])


def test_a_failure_leaves_the_place_where_it_stopped() -> None:
    stream, clock = StringIO(), Clock()

    with pytest.raises(InputError):
        load(ProgressDisplay(TerminalHost(stream), None, delay=0, clock=clock), clock, fail=True)

    assert stream.getvalue().endswith("│  50%  stopped at onnx/model.onnx\n")


def test_a_kernel_updates_one_output(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs: list[Any] = []

    def display(view: Any, *, display_id: bool) -> Any:
        assert display_id
        outputs.append(view)
        return SimpleNamespace(update=outputs.append)

    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(display=SimpleNamespace(display=display)))
    shown(KernelHost())

    assert outputs[-1]._repr_html_().startswith('<progress max="1" value="1.000"')
    assert 'value="' not in outputs[0]._repr_html_()
    assert "done  40.0 MB" in repr(outputs[-1])


def test_marimo_fills_its_own_bar() -> None:
    updates: list[tuple[int, str]] = []
    ends: list[None] = []
    bar = SimpleNamespace(update=lambda increment, subtitle: updates.append((increment, subtitle)))

    class Context:
        def __enter__(self) -> Any:
            return bar

        def __exit__(self, *_: object) -> None:
            ends.append(None)

    shown(MarimoHost(SimpleNamespace(status=SimpleNamespace(progress_bar=lambda **_: Context()))))

    assert sum(increment for increment, _ in updates) == 100
    assert updates[-1][1] == "100%  done  40.0 MB"
    assert ends == [None]


def test_pyscript_updates_an_element_of_its_own() -> None:
    calls: list[tuple[Any, dict[str, Any]]] = []

    def display(view: Any, **options: Any) -> None:
        calls.append((view, options))

    shown(PyScriptHost(SimpleNamespace(display=display, HTML=str)))

    (first, no_options), *rest = calls
    assert no_options == {}
    assert all(options == {"target": first.split('"')[1], "append": False} for _, options in rest)


@pytest.mark.parametrize("tag", ["DIV", "PROGRESS"])
def test_an_element_that_is_given_has_text_and_aria_attributes_or_a_value(tag: str) -> None:
    attributes: dict[str, str] = {}
    element = SimpleNamespace(tagName=tag, textContent="", setAttribute=attributes.__setitem__)

    shown(ElementHost(element))

    if tag == "PROGRESS":
        assert (element.value, element.title) == (1, "100%  done  40.0 MB")
    else:
        assert attributes == {"role": "progressbar", "aria-valuenow": "100"}
        assert element.textContent.endswith("done  40.0 MB")


def test_a_log_gets_some_lines(capsys: pytest.CaptureFixture[str]) -> None:
    shown(LogHost())

    assert 3 <= len(capsys.readouterr().out.splitlines()) <= 6


def test_what_ends_within_the_delay_shows_nothing_and_what_lasts_longer_does() -> None:
    async def show(delay: float) -> str:
        stream = StringIO()
        shown(TerminalHost(stream), delay=delay)
        return stream.getvalue()

    assert asyncio.run(show(60)) == ""
    assert "done" in asyncio.run(show(1))


def test_a_host_that_fails_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def show(self, _: object) -> None:
            raise RuntimeError("no screen")

    shown(Broken())

    assert len(caplog.records) == 1


def test_the_callers_callback_gets_all_events_too() -> None:
    events: list[ProgressEvent] = []
    clock = Clock()

    load(ProgressDisplay(LogHost(), events.append, delay=0, clock=clock), clock)

    assert events[0].type == STARTING_ENGINE
    assert len(events) == 17


@pytest.mark.parametrize("progress", ["yes", 1, object()])
def test_another_value_is_refused(progress: Any) -> None:
    with pytest.raises(InputError, match="progress: expected True, False or an element"):
        shown_progress(progress, None)


def test_without_a_kernel_nothing_is_shown_by_itself() -> None:
    with shown_progress(None, None) as callback:
        assert callback is None
    with shown_progress(progress=False, on_progress=print) as callback:
        assert callback is print


async def test_a_kernel_shows_it_by_itself_unless_the_caller_has_a_callback(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shell:
        pass

    shell: Any = Shell()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))

    with shown_progress(None, None) as callback:
        assert callback is not None
    with shown_progress(None, print) as callback:
        assert callback is print
    shell = type("TerminalInteractiveShell", (), {})()
    with shown_progress(None, None) as callback:
        assert callback is None


@pytest.mark.parametrize(("seconds", "text"), [(8.4, "8 s"), (125, "2 min 05 s"), (4200, "1 h 10 min")])
def test_time_left_is_written_as_people_do(seconds: float, text: str) -> None:
    assert duration(seconds) == text
