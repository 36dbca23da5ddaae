"""The questions, in PromQL. Every series that is read is of our scrape job, and of namespaces and models asked for.

The labels `namespace`, `pod` and `trimtab_model` are put on by Prometheus' service discovery; what a pod itself calls
so arrives as `exported_*`, which is never read.
"""

from collections.abc import Collection, Mapping

from trimtab.core.scaling.observation import ModelRef
from trimtab.render.monitor import JOB
from trimtab.render.triton import SUMMARY_QUANTILES

SCRAPE_SECONDS = 5
"""As config/prometheus/scrape.yaml and the PodMonitors say."""
WINDOW_SECONDS = 30
"""Six scrapes: one that failed leaves five."""
DEMAND_SECONDS = 15
"""Three scrapes: a step of demand is seen in full that soon, and one scrape may fail."""

QUANTILES = tuple(each.partition(":")[0] for each in SUMMARY_QUANTILES.split(","))

FACT = "fact"
AGE, TARGETS, IMPOSSIBLE, PENDING, GROWTH, FAILURES = "age", "targets", "impossible", "pending", "growth", "failures"
SAMPLES, BEFORE, DEMAND = "samples", "before", "demand"
COMPLETIONS, INFERENCES, EXECUTIONS = "completions", "inferences", "executions"
QUEUE, INPUT, INFER, OUTPUT = "queue", "input", "infer", "output"

_SUCCESS, _FAILURE, _PENDING = (
    "nv_inference_request_success",
    "nv_inference_request_failure",
    "nv_inference_pending_request_count",
)
COUNTERS_OF_PODS: Mapping[str, str] = {
    COMPLETIONS: _SUCCESS,
    INFERENCES: "nv_inference_count",
    EXECUTIONS: "nv_inference_exec_count",
}
COUNTERS_OF_MODELS: Mapping[str, str] = {
    FAILURES: _FAILURE,
    QUEUE: "nv_inference_queue_duration_us",
    INPUT: "nv_inference_compute_input_duration_us",
    INFER: "nv_inference_compute_infer_duration_us",
    OUTPUT: "nv_inference_compute_output_duration_us",
}

_SPECIAL = frozenset(r"\.+*?()|[]{}^$")  # what means something in a regular expression of RE2
_BY_MODEL = "by (namespace, trimtab_model)"
_BY_POD = "by (namespace, trimtab_model, pod)"


def literal(text: str) -> str:
    """Return the PromQL string that is exactly `text`."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def one_of(values: Collection[str]) -> str:
    """Return the PromQL string whose regular expression matches exactly these values."""
    alternatives = ("".join(f"\\{each}" if each in _SPECIAL else each for each in value) for value in sorted(values))
    return literal("|".join(alternatives))


def selector(models: Collection[ModelRef]) -> str:
    """Return the matchers that every series must satisfy.

    A model of one namespace that is called as one of another's is let through where both namespaces are asked about:
    who reads the answer goes by both labels.
    """
    namespaces, labels = {model.namespace for model in models}, {model.label for model in models}
    return f"job={literal(JOB)},namespace=~{one_of(namespaces)},trimtab_model=~{one_of(labels)}"


def facts(models: Collection[ModelRef]) -> str:
    """Ask for everything but latency: one vector whose label `fact` says what each number is.

    Ages are Prometheus' own clock minus its own scrape's, so that it does not matter what our clock says. Counters are
    taken over `WINDOW_SECONDS` by `increase`, which survives resets, and pods that come and go. How many samples there
    are in that window, and whether any are at its start, says whether Prometheus has seen all of it.
    """
    where = selector(models)
    window = f"{{{where}}}[{WINDOW_SECONDS}s]"
    start = f"{{{where}}}[{2 * SCRAPE_SECONDS}s] offset {WINDOW_SECONDS - SCRAPE_SECONDS}s"
    families = one_of({*COUNTERS_OF_PODS.values(), *COUNTERS_OF_MODELS.values(), _PENDING})
    questions = {
        AGE: f"max {_BY_POD} ((time() - timestamp(up{{{where}}})) and (up{{{where}}} == 1))",
        TARGETS: f"count {_BY_MODEL} (up{{{where}}})",
        SAMPLES: f"max {_BY_MODEL} (count_over_time({_SUCCESS}{window}))",
        BEFORE: f"count {_BY_MODEL} (count_over_time({_SUCCESS}{start}))",
        PENDING: f"sum {_BY_MODEL} ({_PENDING}{{{where}}})",
        GROWTH: f"sum {_BY_MODEL} (delta({_PENDING}{window}))",
        IMPOSSIBLE: f"count {_BY_MODEL} ({{__name__=~{families},{where}}} < 0)",
    }
    questions |= {fact: f"sum {_BY_POD} (increase({name}{window}))" for fact, name in COUNTERS_OF_PODS.items()}
    questions |= {fact: f"sum {_BY_MODEL} (increase({name}{window}))" for fact, name in COUNTERS_OF_MODELS.items()}
    questions[DEMAND] = demand(models)
    return _together(questions)


def quantiles(models: Collection[ModelRef]) -> str:
    """Ask for each pod's latencies in microseconds, over about the last minute; only those that we make Triton keep."""
    asked = f"{selector(models)},quantile=~{one_of(QUANTILES)}"
    return f"max by (namespace, trimtab_model, pod, quantile) (nv_inference_request_summary_us{{{asked}}})"


def demand(models: Collection[ModelRef]) -> str:
    """Ask for each model's arrivals per second, at a time or over a range of times."""
    window = f"{{{selector(models)}}}[{DEMAND_SECONDS}s]"
    parts = {
        COMPLETIONS: f"sum {_BY_MODEL} (rate({_SUCCESS}{window}))",
        FAILURES: f"sum {_BY_MODEL} (rate({_FAILURE}{window}))",
        GROWTH: f"sum {_BY_MODEL} (delta({_PENDING}{window})) / {DEMAND_SECONDS}",
    }
    return f"clamp_min(sum {_BY_MODEL} ({_together(parts)}), 0)"


def _together(questions: Mapping[str, str]) -> str:
    """Return one question whose answer holds all of theirs, each with its name in the label `fact`."""
    return " or ".join(f'label_replace({asked}, "{FACT}", "{fact}", "", "")' for fact, asked in questions.items())
