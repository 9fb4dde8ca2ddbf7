"""The choice between showing the progress of an operation and leaving that to the caller.

The display itself is imported when there is one to show (import cost).
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from modelden.core.arguments import show
from modelden.core.events import ProgressCallback
from modelden.errors import InputError


def shown_progress(
    progress: Any, on_progress: ProgressCallback | None
) -> AbstractContextManager[ProgressCallback | None]:
    """Return a context in which the progress of one operation is shown, and whose value is the callback for it.

    Args:
        progress: True to show it, False not to, or a DOM element to show it in. None shows it in an IPython kernel, if
            the operation takes longer than a second and the caller has no callback.
        on_progress: The caller's callback, which gets all events, too.

    Raises:
        InputError: If ``progress`` is something else.
    """
    if not (progress is None or isinstance(progress, bool) or hasattr(progress, "textContent")):
        raise InputError(f"progress: expected True, False or an element of the page, got {show(progress)}.")
    if progress is False or (progress is None and (on_progress is not None or "IPython" not in sys.modules)):
        return nullcontext(on_progress)
    from modelden.display.progress_display import ProgressDisplay
    from modelden.display.progress_hosts import find_host, in_kernel

    if progress is None:
        return ProgressDisplay(find_host(None), on_progress, delay=1.0) if in_kernel() else nullcontext(None)
    return ProgressDisplay(find_host(progress), on_progress, delay=0.0)
