"""A call that runs a model: its arguments, checked, and the ways to send it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from modelden.engine.onnx_feed import FeedSignature, check_outputs
from modelden.engine.onnx_results import to_result
from modelden.engine.onnx_run_options import RunOptions, check_run_options, run_terminable
from modelden.engine.slot import check_timeout
from modelden.onnxruntime.direct_run import DirectRun
from modelden.onnxruntime.feeds import to_tensors

if TYPE_CHECKING:
    from modelden.loading.onnx_session import OnnxSession, RunFailure
    from modelden.onnxruntime.opening import Opening


class RunCall(NamedTuple):
    """One or several runs of a model.

    Attributes:
        session: The model.
        opening: Its options.
        outputs: Names of the requested outputs.
        feeds: Tensors by input, for each run.
        options: Options of the runs; None for the default ones.
        timeout: Seconds that all of them may take; None for no limit.
    """

    session: OnnxSession
    opening: Opening
    outputs: list[str]
    feeds: list[dict[str, Any]]
    options: RunOptions | None
    timeout: float | None

    @classmethod
    def check(
        cls,
        session: OnnxSession,
        opening: Opening,
        signature: FeedSignature,
        names: Sequence[str] | None,
        feeds: Sequence[Mapping[str, Any]],
        options: RunOptions | None,
        timeout: float | None,
    ) -> RunCall:
        """Check the arguments of a call.

        Args:
            session: The model.
            opening: Its options.
            signature: Its inputs.
            names: Names of the requested outputs; None for all.
            feeds: Feeds as their callers give them.
            options: Options of the runs; None for the default ones.
            timeout: Seconds; None for no limit.

        Raises:
            InputError: For other arguments than the model takes.
            EngineClosed: If the session was closed.
        """
        session.worker()
        options, seconds = None if options is None else check_run_options(options), check_timeout(timeout)
        prepared = [signature.prepare(to_tensors(feed)) for feed in feeds]
        return cls(session, opening, check_outputs(session.info.outputs, names), prepared, options, seconds)

    def start(self) -> DirectRun | None:
        """Send a single run at once; None if it needs `run`: with options, a limit, a profile or texts."""
        if self.options is not None or self.timeout is not None or self.opening.profile.start_ns:
            return None

        async def recover(failure: RunFailure) -> list[Any]:
            return [to_result(value) for value in (await self.run(failure))[0]]

        run = DirectRun(self._to_results, recover)
        [feed] = self.feeds
        return run if run.begin(self.session.start(self.outputs, feed, run.end)) else None

    async def run(self, failure: RunFailure | None = None) -> list[list[Any]]:
        """Return the outputs of each run, as the worker sends them.

        Args:
            failure: The failure of `start`, which this call goes on from.

        Raises:
            EngineError: As `OnnxSession.infer`, in onnxruntime's classes.
        """
        infer = self.session.infer(self.outputs, self.feeds, self.timeout, failure)
        with self.opening.profile.span("model_run"):
            results = await self.opening.native(run_terminable(self.options or RunOptions(), infer))
        return [[result[name] for name in self.outputs] for result in results]

    def _to_results(self, outputs: Mapping[str, Any]) -> list[Any]:
        return [to_result(outputs[name]) for name in self.outputs]
