from __future__ import annotations

import re
import signal
from pathlib import Path

import httpx

from tests.unit.host.serving import serving


def test_the_access_log_has_a_line_for_each_request(published: Path) -> None:
    with serving(published, "--access-log") as (process, origin):
        httpx.get(f"{origin}/hub/acme/tiny/v1/config.json?download=true")
        httpx.get(f"{origin}/hub/no%0aSuch%22")
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate()

    first, second = log.splitlines()
    line = r'127\.0\.0\.1 - - \[.+\] "GET {} HTTP/1.1" {} \d+ \d+\.\d'
    assert re.fullmatch(line.format(r"/hub/acme/tiny/v1/config\.json\?download=true", 200), first), first
    assert re.fullmatch(line.format("/hub/no%0aSuch%22", 404), second), second
