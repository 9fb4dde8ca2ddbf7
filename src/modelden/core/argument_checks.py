"""Checks of all arguments of public functions and methods, by the names of their parameters. Pure."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from modelden.core.arguments import check_callback, check_flag, check_function, check_text, show
from modelden.errors import InputError


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


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(
        (
            *("repo_id", "model", "revision", "target_revision", "file", "filename", "subfolder", "url"),
            *("task", "task_name", "engine_id", "collection", "bucket", "order", "event"),
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
