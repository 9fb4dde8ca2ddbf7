#!/usr/bin/python3
"""A window of WebKitGTK that WebDriver controls, with a profile folder that keeps the storage of pages.

WebKitGTK's own MiniBrowser is always a private session under WebDriver. This program runs on the system's Python,
which has the GObject bindings, and takes the folder as its argument.
"""

import sys
from pathlib import Path

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import GLib, Gtk, WebKit2  # noqa: E402  the versions come first


def open_view(context: WebKit2.WebContext) -> WebKit2.WebView:
    """Open a window for WebDriver."""
    window = Gtk.Window()
    window.set_default_size(1200, 1000)
    view = WebKit2.WebView(web_context=context, is_controlled_by_automation=True)
    window.add(view)
    window.show_all()
    return view


def accept(session: WebKit2.AutomationSession, context: WebKit2.WebContext) -> None:
    """Begin a session. WebKitWebDriver asks for the name that Selenium asks for."""
    information = WebKit2.ApplicationInfo()
    information.set_name("MiniBrowser")
    session.set_application_info(information)
    session.connect("create-web-view", lambda _session: open_view(context))


def main(folder: Path) -> None:
    """Wait for WebDriver, which ends the process."""
    manager = WebKit2.WebsiteDataManager(
        base_data_directory=str(folder / "data"), base_cache_directory=str(folder / "cache")
    )
    context = WebKit2.WebContext.new_with_website_data_manager(manager)
    context.connect("automation-started", lambda context, session: accept(session, context))
    context.set_automation_allowed(True)
    Gtk.init(None)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
