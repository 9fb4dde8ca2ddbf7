"""Execution providers by onnxruntime's names, and the choice of one. Pure."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from modelden.core.arguments import show
from modelden.errors import InputError

PROVIDERS = {"WebGpuExecutionProvider": "webgpu", "CPUExecutionProvider": "wasm"}
"""Execution providers by onnxruntime's names, with onnxruntime-web's."""

type Providers = Sequence[str | tuple[str, Any]]
"""Names of execution providers, each alone or with its options."""


def normalize_providers(
    providers: Providers | None, provider_options: Sequence[Mapping[Any, Any]] | None = None
) -> dict[str, dict[str, str]]:
    """Return the options of the execution providers by name, in their order, and without those that do not exist.

    The rules and the texts are those of onnxruntime's ``check_and_normalize_provider_args``.

    Raises:
        InputError: If they are no list of names, or of names with options.
    """
    names = list(PROVIDERS)
    normalized: dict[str, dict[str, str]] = {}
    for name, options in _pairs(providers, provider_options):
        if name not in PROVIDERS:
            warnings.warn(
                f"Specified provider '{name}' is not in available provider names."
                f"Available providers: '{', '.join(names)}'",
                stacklevel=4,
            )
        elif name in normalized:
            warnings.warn(f"Duplicate provider '{name}' encountered, ignoring.", stacklevel=4)
        else:
            normalized[name] = {_text(key): _text(value) for key, value in options.items()}
    return normalized


def select_device(providers: Mapping[str, Any]) -> str:
    """Return onnxruntime-web's name of the first execution provider; ``wasm`` without any."""
    return next((PROVIDERS[name] for name in providers), "wasm")


def _pairs(providers: Any, provider_options: Any) -> list[tuple[str, Mapping[Any, Any]]]:
    if providers is None:
        return []
    if not isinstance(providers, list | tuple):
        raise InputError(f"'providers' should be a sequence. Got {show(providers)}.")
    if provider_options is None:
        return [_pair(provider) for provider in providers]
    if not isinstance(provider_options, list | tuple):
        raise InputError("'provider_options' should be a sequence.")
    if len(providers) != len(provider_options):
        raise InputError("'providers' and 'provider_options' should be the same length if both are given.")
    if not all(isinstance(provider, str) for provider in providers):
        raise InputError("Only string values for 'providers' are supported if 'provider_options' is given.")
    if not all(isinstance(options, dict) for options in provider_options):
        raise InputError("'provider_options' values must be dicts.")
    return list(zip(providers, provider_options, strict=True))


def _pair(provider: Any) -> tuple[str, Mapping[Any, Any]]:
    match provider:
        case str():
            return provider, {}
        case tuple([str(), dict()]):
            return provider
    raise InputError(f"'providers' values must be either strings or (string, dict) tuples. Found {show(provider)}.")


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception as error:  # a caller's own `__str__`
        raise InputError("'provider_options' values must be texts.") from error
