"""The keywords of `modelden.configure` for type checkers and editors: the fields of `modelden.Configuration`.

A page never imports it (import cost).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict


class ConfigurationValues(TypedDict, total=False):
    """The fields of `modelden.Configuration`, none of which is required."""

    settings_server: str
    settings_bucket: str
    signer_name: str
    root_hash: str
    hub_root_url: str
    hub_url_template: str
    verify_signatures: bool
    poll_interval: float
    freeze_warning_days: float
    filter_environment: Mapping[str, Any]
    runtime_major: int | None
    start_timeout: float
    engine_timeout_ms: int
    memory_limit: int | None
    log_level: str
    override_pipeline_options: Mapping[str, Mapping[str, Any]]
    hub_headers: Mapping[str, str]
    hubs: Sequence[str]
    manifests: bool | Literal["if-published"]
    require_hashes: bool
    require_storage: bool
    memory_when_full: bool
    worker_url: str | None
    share_workers: bool
    idle_timeout: float
    max_cache_size: float | None
    evict: bool
    offline: bool
