"""Checks of arguments whose wrong type would be an error somewhere else, or none at all. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, cast

from modelden.errors import InputError


def show(value: object) -> str:
    """Return a value for a message, at most 80 characters of it."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  a caller's own `__repr__`, or one that is nested too deeply
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def check_text(name: str, value: Any) -> str:
    """Return ``value`` if it is a text that can be stored and sent.

    Raises:
        InputError: If it is not, or has half a character (a lone surrogate).
    """
    if not isinstance(value, str):
        raise InputError(f"{name}: expected a text, got {show(value)}.")
    if not is_unicode(value):
        raise InputError(f"{name}: expected a text, got one with half a character (a lone surrogate): {show(value)}.")
    return value


def check_optional_text(name: str, value: Any) -> str | None:
    """Return ``value`` if it is None or a text; errors as `check_text`."""
    return None if value is None else check_text(name, value)


def check_flag(name: str, value: Any) -> bool:
    """Return ``value`` if it is True or False.

    Raises:
        InputError: If it is not.
    """
    if not isinstance(value, bool):
        raise InputError(f"{name}: expected True or False, got {show(value)}.")
    return value


def check_callback(name: str, value: Any) -> Callable[..., Any] | None:
    """Return ``value`` if it is None or can be called.

    Raises:
        InputError: If it is neither.
    """
    if value is not None and not callable(value):
        raise InputError(f"{name}: expected a function, got {show(value)}.")
    callback: Callable[..., Any] | None = value
    return callback


def check_function(name: str, value: Any) -> None:
    """Check that ``value`` can be called; errors as `check_callback`."""
    check_callback(name, 0 if value is None else value)


def check_text_list(name: str, value: Any) -> list[str]:
    """Return the texts of a list or of another iterable, which is no text itself.

    Raises:
        InputError: If it has other items, or is none.
    """
    try:
        items = [] if isinstance(value, str) else list(value)
    except Exception as error:  # a caller's own iterator
        raise InputError(f"{name}: expected a list of texts, got {show(value)}.") from error
    if isinstance(value, str):
        raise InputError(f"{name}: expected a list of texts, got the text {show(value)}.")
    return [check_text(name, item) for item in items]


def check_number(name: str, value: Any, smallest: float, largest: float) -> None:
    """Check that ``value`` is a number in a range, which begins above ``smallest``.

    Raises:
        InputError: If it is not.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or math.isnan(value if isinstance(value, float) else 0) or not smallest < value <= largest:
        raise InputError(f"{name}: expected a number above {smallest:g}, at most {largest:g}, got {show(value)}")


def is_unicode(text: str) -> bool:
    """Return False for a text with lone surrogates, which no encoding of Unicode has."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_json(value: object) -> bool:
    """Tell whether a value is data that JSON has: no cycles, no NaN, texts as keys."""
    try:
        json.dumps(_plain(value), allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("JSON has texts as keys")
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(
        (
            *("repo_id", "model", "revision", "target_revision", "file", "filename", "subfolder", "url"),
            *("task", "task_name", "engine_id", "dtype", "collection", "bucket", "order", "event"),
        ),
        check_text,
    ),
    "on_progress": check_callback,
    "listener": check_function,
    **dict.fromkeys(("keep", "sync_if_empty", "force_sync", "verify_signature"), check_flag),
}
"""The checks of public functions' parameters, by their names."""


def check_arguments[F: Callable[..., Any]](function: F) -> F:
    """Let a public function check its arguments by the names of its parameters. None may stand for a default of None.

    Raises:
        InputError: By the function, for an argument of another type.
    """
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    defaults = function.__defaults__ or ()
    positional = dict(zip(names[code.co_argcount - len(defaults) : code.co_argcount], defaults, strict=True))
    optional = {name for name, value in {**positional, **(function.__kwdefaults__ or {})}.items() if value is None}

    def check(args: tuple[Any, ...], options: dict[str, Any]) -> None:
        for name, value in (*zip(names, args, strict=False), *options.items()):
            if name in _CHECKS and not (value is None and name in optional):
                _CHECKS[name](name, value)

    if code.co_flags & _COROUTINE:

        @wraps(function)
        async def checked(*args: Any, **options: Any) -> Any:
            check(args, options)
            return await function(*args, **options)

    else:

        @wraps(function)
        def checked(*args: Any, **options: Any) -> Any:
            check(args, options)
            return function(*args, **options)

    return cast("F", checked)


def check_methods[C: type](cls: C) -> C:
    """Let all public methods of a class, and its constructor, check their arguments as `check_arguments` does."""
    for name, member in list(vars(cls).items()):
        if hasattr(member, "__code__") and (name == "__init__" or not name.startswith("_")):
            setattr(cls, name, check_arguments(member))
    return cls


_COROUTINE = 0x80
"""The flag of a coroutine's code (``inspect.CO_COROUTINE``; `inspect` is slow to import)."""
