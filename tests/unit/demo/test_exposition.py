"""The stand-in's page beside the page of a real Triton 2.51, kept in triton-2.51-metrics.txt."""

import math
import re
from pathlib import Path

import pytest

from demo.exposition import page
from demo.fleet import Fleet
from demo.histogram import Histogram
from demo.service import OnTimeout, Service, exactly
from demo.traffic import steady
from trimtab.render.triton import SUMMARY_QUANTILES

REAL = (Path(__file__).parent / "triton-2.51-metrics.txt").read_text()
QUANTILES = tuple(pair.partition(":")[0] for pair in SUMMARY_QUANTILES.split(","))
SAMPLE = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
LABEL = re.compile(r'(\w+)="([^"]*)"')
ROW = "nv_inference_request_summary_us"
SERVICE = Service(base_s=0.02, per_item_s=0.002, max_batch_size=8, queue_timeout_s=0.1, on_timeout=OnTimeout.REJECT)

Samples = dict[tuple[str, ...], float]


def busy(rate: float, seconds: int, service: Service = SERVICE) -> Fleet:
    """Return a pod after so many seconds of steady traffic."""
    fleet = Fleet(0.1, seed=1)
    fleet.join("pod", service)
    fleet.feed(steady(rate, seconds).arrivals(seed=2))
    fleet.advance(float(seconds))
    return fleet


def page_of(fleet: Fleet, quantiles: tuple[str, ...] = QUANTILES) -> str:
    """Return the pod's page."""
    return page(fleet.servers["pod"], "numpy_batch", quantiles, now_s=fleet.now_s)


def heads(text: str) -> list[str]:
    """Return the lines that describe families, in their order."""
    return [line for line in text.splitlines() if line.startswith("#")]


def shapes(text: str, model: str = "numpy_batch") -> list[str]:
    """Return the samples of one model and those of none, in their order, without values and quantiles' values."""
    found = [match for match in map(SAMPLE.fullmatch, text.splitlines()) if match]
    mine = [match for match in found if not match["labels"] or f'model="{model}"' in match["labels"]]
    return [re.sub(r'quantile="[^"]*"', "quantile", f"{match['name']}{{{match['labels']}}}") for match in mine]


def samples(text: str) -> Samples:
    """Return the values by name and labels' values, the model's and the version's left out."""
    found: Samples = {}
    for match in filter(None, map(SAMPLE.fullmatch, text.splitlines())):
        labels = dict(LABEL.findall(match["labels"] or ""))
        found[match["name"], *(value for name, value in labels.items() if name in {"reason", "quantile"})] = float(
            match["value"]
        )
    return found


def test_the_families_are_those_of_a_real_triton_word_for_word() -> None:
    """Same names, help texts, types and order: nothing more, nothing less."""
    assert heads(page_of(busy(100, 3))) == heads(REAL)


def test_each_family_has_the_same_samples_and_labels() -> None:
    """Same names and labels in the same order within, for as many quantiles as were asked for."""
    ours, real = shapes(page_of(busy(100, 3))), shapes(REAL)
    once = {shape for shape in real if not shape.endswith("quantile}")}

    assert set(ours) == set(real)
    assert [shape for shape in ours if shape in once and "reason" not in shape] == [
        shape for shape in real if shape in once and "reason" not in shape
    ]
    assert ours.count(next(shape for shape in ours if shape.endswith("quantile}"))) == len(QUANTILES)


def test_the_quantiles_are_those_that_the_operator_asks_triton_for() -> None:
    """They are spelled as in the argument."""
    asked = re.findall(r'request_summary_us\{.*quantile="([^"]*)"', page_of(busy(100, 1)))

    assert asked == list(QUANTILES)


def test_everything_is_there_and_0_when_the_model_is_loaded_and_quantiles_are_spelled_nan() -> None:
    """The spelling is Triton's own."""
    text = page_of(busy(0, 1))
    values = samples(text)

    assert len(re.findall(r"\} Nan$", text, re.MULTILINE)) == 5 * len(QUANTILES)
    counted = {key: value for key, value in values.items() if key[0].startswith("nv_inference")}
    assert {value for key, value in counted.items() if key[-1] not in QUANTILES} == {0}


def test_the_counters_add_up_to_what_the_ledger_knows() -> None:
    """Durations are sums over requests: each request of a batch bears the whole batch's time."""
    fleet = busy(400, 20)
    values, total = samples(page_of(fleet)), fleet.ledger.total
    summed = {name: values[f"nv_inference_{name}_duration_us",] for name in ("request", "queue")}
    parts = [values[f"nv_inference_compute_{part}_duration_us",] for part in ("input", "infer", "output")]

    assert values["nv_inference_request_success",] == values["nv_inference_count",] == total.completed > 1000
    assert values["nv_inference_request_failure", "REJECTED"] == total.failed > 1000
    assert values["nv_inference_request_failure", "OTHER"] == 0
    assert summed["request"] == pytest.approx(total.seconds * 1e6)
    assert summed["request"] == pytest.approx(summed["queue"] + sum(parts), abs=5)
    assert values["nv_inference_exec_count",] == pytest.approx(total.completed / 8, rel=0.1)
    assert sum(parts) / total.completed == pytest.approx(SERVICE.batch_s(8) * 1e6, rel=0.05)
    for name, value in summed.items():
        assert values[f"nv_inference_{name}_summary_us_sum",] == value
        assert values[f"nv_inference_{name}_summary_us_count",] == total.completed


def test_pending_are_those_that_wait_and_a_free_processor_is_idle() -> None:
    """What is executed is not pending."""
    fleet = Fleet(0.1)
    fleet.join("pod", Service(base_s=1.0, max_batch_size=2, noise=exactly))
    fleet.feed([0.1, 0.2, 0.3, 0.4])

    seen = []
    for moment in (0.0, 0.15, 0.5, 1.2, 5.0):
        fleet.advance(moment)
        values = samples(page_of(fleet))
        seen.append((values["nv_inference_pending_request_count",], values["nv_cpu_utilization",]))

    assert seen == [(0, 0), (0, 1), (3, 1), (1, 1), (0, 0)]


def test_the_quantiles_are_true_to_a_thousandth() -> None:
    """Of the requests that ended in the window, here all that there were."""
    fleet = busy(150, 30)
    values, latencies = samples(page_of(fleet)), fleet.ledger.latencies(0, 30)

    for quantile in QUANTILES:
        assert values[ROW, quantile] == pytest.approx(latencies.quantile(float(quantile)), rel=0.001, abs=1)


def test_the_quantiles_are_of_the_last_48_to_60_seconds() -> None:
    """The window moves on every 12 s; when nothing has happened for a minute, there is none, and the counters stay."""
    fleet = Fleet(1.0)
    fleet.join("pod", Service(base_s=0.5, noise=exactly))
    fleet.feed([1.0, 2.0, 20.0, 20.1, 20.2])  # 0.5 s each for two, then 0.5, 0.9 and 1.3 s

    medians_ms, counts = {}, {}
    for moment in (11.9, 12.0, 59.9, 60.0, 71.9, 72.0):
        fleet.advance(moment)
        values = samples(page_of(fleet))
        medians_ms[moment], counts[moment] = values[ROW, "0.5"] / 1000, values[f"{ROW}_count",]

    assert math.isnan(medians_ms.pop(72.0))
    assert medians_ms == pytest.approx({11.9: 500, 12.0: 500, 59.9: 500, 60.0: 900, 71.9: 900}, rel=0.001)
    assert list(counts.values()) == [2, 2, 5, 5, 5, 5]


def test_without_the_argument_there_are_no_summaries() -> None:
    """As in a Triton that was not told to have any."""
    assert "summary" not in page_of(busy(100, 1), quantiles=())


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.9, 1.0])
def test_a_histogram_knows_each_quantile_to_half_its_width(share: float) -> None:
    """Whatever the order of magnitude; what is shorter than a microsecond counts as one."""
    durations = sorted(1.5 * 1.01**number for number in range(1500))
    histogram = Histogram()
    histogram.add(reversed(durations))

    exact = durations[max(1, math.ceil(share * len(durations))) - 1]
    assert histogram.quantile(share) == pytest.approx(exact, rel=0.00051)
    assert math.isnan(Histogram().quantile(share))
    histogram.add([0.0, -1.0, 0.2])
    assert histogram.quantile(0.0) == pytest.approx(1.0, rel=0.001)
