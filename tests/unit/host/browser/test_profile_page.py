from __future__ import annotations

from pathlib import Path

import pytest

from modelden.host.browser.profile_page import profile_browser, profile_origin
from modelden.host.errors import HostError


@pytest.mark.parametrize(("marker", "browser"), [("Local State", "chromium"), ("prefs.js", "firefox")])
def test_a_profile_tells_its_browser(tmp_path: Path, marker: str, browser: str) -> None:
    (tmp_path / marker).touch()

    assert profile_browser(tmp_path) == browser


def test_a_folder_that_is_no_profile_stays_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="is no profile of a browser"):
        profile_browser(tmp_path / "typo")

    assert list(tmp_path.iterdir()) == []


def test_the_page_of_a_run_is_the_origin(tmp_path: Path) -> None:
    (tmp_path / "modelden-port").write_text("8642\n")

    assert profile_origin(tmp_path, None) == "http://localhost:8642"
    assert profile_origin(tmp_path, "https://models.example:8443/guide/?a#b") == "https://models.example:8443"


@pytest.mark.parametrize("url", ["models.example", "file:///home", "https:///x"])
def test_a_page_without_an_origin(tmp_path: Path, url: str) -> None:
    with pytest.raises(HostError, match="--origin: expected a URL"):
        profile_origin(tmp_path, url)


def test_another_profile_needs_an_origin(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"--origin https://models\.example"):
        profile_origin(tmp_path, None)
