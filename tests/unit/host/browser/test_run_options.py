from __future__ import annotations

import pytest

from modelden.errors import InputError
from modelden.host.browser.run_options import engine_arguments, parse_input, parse_options, server_arguments


def test_the_command_line_of_run_is_read() -> None:
    assert parse_input("a cat") == ["a cat"]
    assert parse_input('[["a", "b"], {"x": 1}]') == [["a", "b"], {"x": 1}]
    assert parse_input("42") == ["42"]
    assert parse_options('{"pooling": "mean"}') == {"pooling": "mean"}
    assert engine_arguments("feature-extraction", None, "a/b@v1", None) == {
        "task_name": "feature-extraction",
        "model_id": "a/b",
        "model_revision": "v1",
    }
    assert server_arguments("http://h:1/v1/", "AB", None) == {
        "settings_server": "http://h:1/v1",
        "root_hash": "AB",
        "hub_root_url": "http://h:1/hub",
    }
    mozilla = server_arguments(
        "https://firefox.settings.services.mozilla.com/v1", None, "https://model-hub.mozilla.org"
    )
    assert mozilla["root_hash"].startswith("C8:A8")


def test_what_cannot_be_meant_is_refused() -> None:
    for text in ("[]", "{", "1"):
        with pytest.raises(InputError, match="--options: expected a JSON object"):
            parse_options(text)
    with pytest.raises(InputError, match="Name a task"):
        engine_arguments(None, None, None, None)
    with pytest.raises(InputError, match="Whom do clients of this server trust"):
        server_arguments("http://localhost/v1", None, None)
