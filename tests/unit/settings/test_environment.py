from __future__ import annotations

import modelden
from modelden.settings.environment import FIREFOX_VERSION, filter_environment
from tests.replay import load_truth

BROWSER = {"locale": "de", "formFactor": "phone", "os": {"isLinux": True}, "appinfo": {"OS": "Linux"}}


def test_the_version_is_that_of_the_recordings() -> None:
    assert load_truth("records")["firefox"]["version"] == FIREFOX_VERSION
    assert filter_environment(BROWSER, {})["version"] == FIREFOX_VERSION
    assert filter_environment(BROWSER, {})["appinfo"]["version"] == FIREFOX_VERSION


def test_the_browser_gives_locale_system_and_form_factor() -> None:
    environment = filter_environment(BROWSER, {})

    assert {name: environment[name] for name in ("locale", "formFactor", "os")} == {
        name: BROWSER[name] for name in ("locale", "formFactor", "os")
    }
    assert environment["appinfo"]["OS"] == "Linux"
    assert environment["modelden"] == {"version": modelden.__version__}


def test_configured_values_win() -> None:
    environment = filter_environment(BROWSER, {"version": "60.0", "country": "CH", "locale": "fr"})

    assert (environment["version"], environment["country"], environment["locale"]) == ("60.0", "CH", "fr")
