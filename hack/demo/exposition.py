"""A pod's metrics page, in the words of Triton 2.51 without a GPU; tests/unit/demo compares it with a real one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from demo.triton import Counters, Triton

VERSION = "1"
PINNED_POOL_BYTES = 256 << 20  # Triton's default, of which a server without a GPU uses nothing
MEMORY_BYTES = 32 << 30
MEMORY_USED_BYTES = 2 << 30  # a server with one small model; nothing here depends on it

ALL, FRESH = "(includes cached requests)", "(does not include cached requests)"

DURATIONS: tuple[tuple[str, str, Callable[[Counters], float]], ...] = (
    ("request", f"Cumulative inference request duration in microseconds {ALL}", lambda each: each.request_us),
    ("queue", f"Cumulative inference queuing duration in microseconds {ALL}", lambda each: each.queue_us),
    ("compute_input", f"Cumulative compute input duration in microseconds {FRESH}", lambda each: each.input_us),
    ("compute_infer", f"Cumulative compute inference duration in microseconds {FRESH}", lambda each: each.infer_us),
    (
        "compute_output",
        f"Cumulative inference compute output duration in microseconds {FRESH}",
        lambda each: each.output_us,
    ),
)
SUMMARY_TEXTS = {
    "request": f"Summary of inference request duration in microseconds {ALL}",
    "queue": f"Summary of inference queuing duration in microseconds {ALL}",
}
"""Where a summary is not described as its counter is."""


def page(server: Triton, model: str, quantiles: Sequence[str], *, now_s: float) -> str:
    """Return what a scrape of a pod gets; `model` is its name inside Triton.

    `quantiles` are those of the latency summaries, ascending, as they are spelled in Triton's arguments; without any,
    Triton was not told to have summaries.
    """
    labels = f'model="{model}",version="{VERSION}"'
    lines = [*_counts(server, model, labels), *_gauges(server, labels)]
    if quantiles:
        lines += _summaries(server, labels, quantiles, now_s)
    return "\n".join(lines) + "\n"


def _counts(server: Triton, model: str, labels: str) -> Iterator[str]:
    counters = server.counters
    name = "nv_inference_request_success"
    yield from _head(name, "Number of successful inference requests, all batch sizes", "counter")
    yield f"{name}{{{labels}}} {counters.success}"
    name = "nv_inference_request_failure"
    yield from _head(name, "Number of failed inference requests, all batch sizes", "counter")
    failures = {"OTHER": 0, "BACKEND": 0, "REJECTED": counters.rejected, "CANCELED": 0}
    for reason, number in failures.items():
        yield f'{name}{{model="{model}",reason="{reason}",version="{VERSION}"}} {number}'
    name = "nv_inference_count"
    yield from _head(name, "Number of inferences performed (does not include cached requests)", "counter")
    yield f"{name}{{{labels}}} {counters.success}"
    name = "nv_inference_exec_count"
    yield from _head(name, "Number of model executions performed (does not include cached requests)", "counter")
    yield f"{name}{{{labels}}} {counters.executions}"
    for short, text, value in DURATIONS:
        name = f"nv_inference_{short}_duration_us"
        yield from _head(name, text, "counter")
        yield f"{name}{{{labels}}} {int(value(counters))}"


def _gauges(server: Triton, labels: str) -> Iterator[str]:
    name = "nv_inference_pending_request_count"
    yield from _head(name, "Instantaneous number of pending requests awaiting execution per-model.", "gauge")
    yield f"{name}{{{labels}}} {server.pending}"
    busy = 1 - server.idle / server.service.instances
    for name, text, value in (
        ("nv_pinned_memory_pool_total_bytes", "Pinned memory pool total memory size, in bytes", PINNED_POOL_BYTES),
        ("nv_pinned_memory_pool_used_bytes", "Pinned memory pool used memory size, in bytes", 0),
        ("nv_cpu_utilization", "CPU utilization rate [0.0 - 1.0]", busy),
        ("nv_cpu_memory_total_bytes", "CPU total memory (RAM), in bytes", MEMORY_BYTES),
        ("nv_cpu_memory_used_bytes", "CPU used memory (RAM), in bytes", MEMORY_USED_BYTES),
    ):
        yield from _head(name, text, "gauge")
        yield f"{name} {value:.12g}"


def _summaries(server: Triton, labels: str, quantiles: Sequence[str], now_s: float) -> Iterator[str]:
    counters, windows = server.counters, server.windows
    for (short, text, total), window in zip(DURATIONS, windows.in_order(), strict=True):
        name = f"nv_inference_{short}_summary_us"
        yield from _head(name, SUMMARY_TEXTS.get(short, text), "summary")
        yield f"{name}_count{{{labels}}} {counters.success}"
        yield f"{name}_sum{{{labels}}} {int(total(counters))}"
        values = window.quantiles(now_s, [float(each) for each in quantiles])
        for quantile, value in zip(quantiles, values, strict=True):
            spelled = "Nan" if math.isnan(value) else str(round(value))
            yield f'{name}{{{labels},quantile="{quantile}"}} {spelled}'


def _head(name: str, text: str, kind: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"
