"""The request for an engine, from the arguments of a public function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modelden.default_context import current_config

if TYPE_CHECKING:
    from modelden.engine.options import PipelineOptions


def engine_request(options: Mapping[str, Any] | PipelineOptions | None, /, **keywords: Any) -> PipelineOptions:
    """Return checked options. Keywords of None are left out, the others take precedence over ``options``.

    Raises:
        InputError: For names and values that no engine can have.
    """
    # Imported when it is called, after the bytecode of an earlier visit has been restored.
    from modelden.engine.model_selection import check_request
    from modelden.engine.options import PipelineOptions, check_names

    check_names(keywords)
    keywords = {name: value for name, value in keywords.items() if value is not None}
    config = current_config()
    own_features, hub = config.own_features, config.hub_root_url
    options = {} if options is None else options
    if isinstance(options, PipelineOptions):
        # The fields of a dataclass may be anything.
        PipelineOptions.of(options, own_features=own_features, hub_root_url=hub)
        request = options.updated(keywords, own_features=own_features, hub_root_url=hub)
    else:
        if isinstance(options, Mapping):
            # Merged before the check: a feature names the engine only if no other option does.
            options = {**options, **keywords}
        request = PipelineOptions.of(options, own_features=own_features, hub_root_url=hub)
    check_request(request)
    return request
