"""The system's Chromium and Firefox, driven by Playwright, on a profile folder that keeps what pages store."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from modelden.host.errors import BrowserError, HostError

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Playwright

BROWSERS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "firefox": ("firefox-esr", "firefox"),
}
"""Their names, and the programs that are looked for on the PATH."""


def check_browser(name: str) -> str:
    """Return the name if there is such a browser.

    Raises:
        HostError: There is not.
    """
    if name not in BROWSERS:
        raise HostError(f"There is no browser {name!r}: expected {' or '.join(BROWSERS)}.")
    return name


def executable(name: str) -> str:
    """The program of a browser.

    Raises:
        BrowserError: It is not on the PATH.
    """
    for program in BROWSERS[check_browser(name)]:
        if found := shutil.which(program):
            return found
    raise BrowserError(
        f"None of {', '.join(BROWSERS[name])} is on the PATH: install {name} (Debian: {BROWSERS[name][0]})."
    )


@contextmanager
def playwright() -> Iterator[Playwright]:
    """Playwright's driver, for as many browsers as one likes.

    Raises:
        BrowserError: It is not installed, or does not start.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ModuleNotFoundError as error:
        raise BrowserError("Playwright is not installed: pip install 'modelden[host]'.") from error
    try:
        driver = sync_playwright().start()
    except Error as error:
        raise BrowserError(f"Playwright does not start: {error}") from error
    try:
        yield driver
    finally:
        driver.stop()


def open_profile(driver: Playwright, name: str, folder: Path) -> BrowserContext:
    """Start a browser headlessly on a profile folder.

    Raises:
        BrowserError: It is not there, or does not start.
    """
    from playwright.sync_api import Error

    program = executable(name)
    try:
        if name == "chromium":
            # As root, which CI and containers are, Chromium's sandbox cannot start.
            return driver.chromium.launch_persistent_context(folder, executable_path=program, args=["--no-sandbox"])
        # Mozilla's own build over WebDriver BiDi; it has no command for these emulations.
        return driver.firefox.launch_persistent_context(
            folder,
            channel="moz-firefox",
            executable_path=program,
            color_scheme="null",
            reduced_motion="null",
            forced_colors="null",
            contrast="null",
        )
    except Error as error:
        first = (error.message or "no words").splitlines()[0]
        raise BrowserError(f"{name} ({program}) does not start on the profile {folder}: {first}") from error


def resident_memory() -> int | None:
    """Bytes of all processes below this one, browsers and all; shared pages count in parts. None where /proc is not."""
    if not Path("/proc/self/smaps_rollup").exists():
        return None
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        children.setdefault(int(fields[1]), []).append(int(status.parent.name))
    total, left = 0, list(children.get(int(Path("/proc/self").resolve().name), []))
    while left:
        process = left.pop()
        left += children.get(process, [])
        total += _proportional(process)
    return total


def _proportional(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
