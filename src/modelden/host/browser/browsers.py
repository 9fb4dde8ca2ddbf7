"""The system's Chromium and Firefox, driven by Playwright on a profile folder, which keeps the storage of pages."""

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
"""Names of browsers, and their programs on the PATH."""


def check_browser(name: str) -> str:
    """Return the name of a known browser.

    Raises:
        HostError: The name is unknown.
    """
    if name not in BROWSERS:
        raise HostError(f"There is no browser {name!r}: expected {' or '.join(BROWSERS)}.")
    return name


def executable(name: str) -> str:
    """Find the program of a browser.

    Raises:
        BrowserError: It is not on the PATH.
    """
    for program in BROWSERS[check_browser(name)]:
        if path := shutil.which(program):
            return path
    raise BrowserError(
        f"None of {', '.join(BROWSERS[name])} is on the PATH: install {name} (Debian: {BROWSERS[name][0]})."
    )


@contextmanager
def playwright() -> Iterator[Playwright]:
    """Start Playwright's driver, for any number of browsers.

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
        BrowserError: The browser is missing, or does not start.
    """
    from playwright.sync_api import Error

    program = executable(name)
    try:
        if name == "chromium":
            # Chromium's sandbox does not start as root, as in CI and containers.
            return driver.chromium.launch_persistent_context(folder, executable_path=program, args=["--no-sandbox"])
        # Mozilla's own build over WebDriver BiDi, which has no commands for these emulations.
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
        reason = (error.message or "no words").splitlines()[0]
        raise BrowserError(f"{name} ({program}) does not start on the profile {folder}: {reason}") from error


def resident_memory() -> int | None:
    """Sum the proportional set size of all descendant processes, in bytes; None without /proc."""
    if not Path("/proc/self/smaps_rollup").exists():
        return None
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:  # the process has ended meanwhile
            continue
        children.setdefault(int(fields[1]), []).append(int(status.parent.name))
    total, pending = 0, list(children.get(int(Path("/proc/self").resolve().name), []))
    while pending:
        process = pending.pop()
        pending += children.get(process, [])
        total += _proportional_set_size(process)
    return total


def _proportional_set_size(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
