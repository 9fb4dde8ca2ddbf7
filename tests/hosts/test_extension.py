"""A page of an extension in Chromium: all scripts are files of the extension."""

from __future__ import annotations

import shutil
from pathlib import Path

from host_pages import host_pages
from tests.hosts.conftest import SITES, Hosts, Visitor
from tests.hosts.journeys import RESULT, assert_all_was_downloaded
from tests.hosts.start_pages import local
from tests.pyodide.runners import Browsers, chromium
from tests.pyodide.servers import ROOT

ASSETS = ROOT / "src/modelden/_js/assets"

FILES = ("manifest.json", "extension.html", "extension.js")


def write_extension(folder: Path, hosts: Hosts) -> None:
    """Write an extension as docs/hosts.md describes it."""
    folder.mkdir()
    shutil.copytree(SITES / "pyodide", folder / "pyodide")
    shutil.copytree(ASSETS, folder / "modelden")
    for name in FILES:
        text = local(host_pages()[name], hosts.server.url, hosts.app.root_hash)
        (folder / name).write_text(text, "utf-8")


def test_an_extension_downloads_a_model_once(browsers: Browsers, hosts: Hosts, tmp_path: Path) -> None:
    folder = tmp_path / "extension"
    write_extension(folder, hosts)
    flags = ["--headless=new", "--no-sandbox", f"--disable-extensions-except={folder}", f"--load-extension={folder}"]
    hosts.requests()
    with browsers.playwright.chromium.launch_persistent_context(
        tmp_path / "profile", executable_path=chromium(), headless=False, args=flags
    ) as context:
        tab = context.new_page()
        tab.goto("chrome://extensions")
        origin = "chrome-extension://" + str(tab.locator("extensions-item").first.get_attribute("id"))
        visitor = Visitor(context.new_page(), origin, is_firefox=False)

        visitor.open("/extension.html")
        visitor.wait_for(RESULT)
        assert_all_was_downloaded(hosts.requests())

        visitor.open("/extension.html")
        visitor.wait_for(RESULT)
        assert hosts.requests() == []
        assert visitor.complaints == []
