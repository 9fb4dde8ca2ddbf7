"""The ``env`` of filter expressions: that of the Firefox that modelden follows, in this browser. Pure.

Source: Firefox ``ClientEnvironment.sys.mjs`` and ``RemoteSettingsClient.sys.mjs`` (``jexlFilterFunc``). Records are
written for versions of Firefox, on servers of one's own as on Mozilla's. Expressions for modelden alone can read
``env.modelden.version``. Members that a page cannot know (``country``, ``isDefaultBrowser``) are missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import modelden

FIREFOX_VERSION = "153.8.0"
"""Version of the Firefox whose recordings are in ``tests/truth``."""

_APPLICATION = {
    "ID": "{ec8030f7-f20a-464f-9b0e-13a3a9e62384}",
    "name": "Firefox",
    "vendor": "Mozilla",
    "appBuildID": "20261117185949",
    "version": FIREFOX_VERSION,
    "platformVersion": FIREFOX_VERSION,
}
"""``Services.appinfo`` of desktop Firefox."""


def filter_environment(browser: Mapping[str, Any], configured: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of ``env``.

    Args:
        browser: `ports.Page.environment`: locale, operating system and form factor.
        configured: `Configuration.filter_environment`, whose members win.
    """
    return {
        "version": FIREFOX_VERSION,
        "channel": "esr",
        "distribution": "default",
        **browser,
        "appinfo": {**_APPLICATION, **browser.get("appinfo", {})},
        "modelden": {"version": modelden.__version__},
        **configured,
    }
