"""Metrics of one run, as Firefox computes them (``ONNXPipeline.mjs``, ``run``). Times are in milliseconds."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class RunMetrics:
    """The metrics of one run. The worker measures them; they stay in this page.

    Attributes:
        input_tokens: Tokens of the input.
        output_tokens: Tokens of the output; counted where they are streamed.
        preprocessing_time: Time to bring the input into the model's form.
        tokenizing_time: The same, as Firefox has it.
        inference_time: Time of the pipeline as a whole.
        decoding_time: Time from the first token on where tokens are streamed, else ``inference_time``.
        time_to_first_token: Time until the first token, where tokens are streamed.
        tokens_per_second: Output tokens by inference time.
        time_per_output_token: Inference time by output tokens.
        run_timestamps: Names and times of the steps, in order; times by the worker's own clock.
    """

    __module__ = "modelden"

    input_tokens: int
    output_tokens: int
    preprocessing_time: float
    tokenizing_time: float
    inference_time: float
    decoding_time: float
    time_to_first_token: float | None
    tokens_per_second: float
    time_per_output_token: float
    run_timestamps: tuple[tuple[str, float], ...]

    def _repr_html_(self) -> str:
        from modelden.display.html import facts, span

        return facts(
            "Run",
            (
                ("inference", span(self.inference_time)),
                ("first token", span(self.time_to_first_token)),
                ("input", span(self.preprocessing_time)),
                ("input tokens", self.input_tokens or None),
                ("output tokens", self.output_tokens or None),
                ("tokens per second", f"{self.tokens_per_second:.1f}" if self.output_tokens else None),
            ),
        )

    @classmethod
    def of(cls, text: str) -> Self:
        """Read the JSON of a reply's ``metrics``."""
        fields: dict[str, Any] = json.loads(text)
        return cls(
            input_tokens=fields["inputTokens"],
            output_tokens=fields["outputTokens"],
            preprocessing_time=fields["preprocessingTime"],
            tokenizing_time=fields["tokenizingTime"],
            inference_time=fields["inferenceTime"],
            decoding_time=fields["decodingTime"],
            time_to_first_token=fields["timeToFirstToken"],
            tokens_per_second=fields["tokensPerSecond"],
            time_per_output_token=fields["timePerOutputToken"],
            run_timestamps=tuple((step["name"], step["when"]) for step in fields["runTimestamps"]),
        )


def metrics_fields(text: str) -> dict[str, Any]:
    """Return the fields of the JSON of a reply's ``metrics``, for an event."""
    return asdict(RunMetrics.of(text))
