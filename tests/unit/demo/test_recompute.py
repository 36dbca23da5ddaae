"""What Prometheus knows of a run: every request once, bounds that hold, replicas by their targets."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
import yaml
from hypothesis import given, strategies as st

from demo.fleet import Fleet
from demo.recompute import INTERVAL_S, JOB, Run, Scraped, lasted, recompute, scraped_since, share_within, tiled
from demo.service import OnTimeout, Service
from demo.traffic import generated_day

TARGET_S = 0.08
QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
LASTS_S = 170
SERVICE = Service(base_s=0.008, per_item_s=0.004, max_batch_size=8, queue_timeout_s=0.04, on_timeout=OnTimeout.DELAY)
RUN = Run(namespace="shop", model="fraud", target_s=0.08, began=1000.0, ended=1020.0)


def scraped(at: float, answered: float) -> Scraped:
    """Return a scrape whose quantiles nobody looks at."""
    return Scraped(at=at, answered=answered, points=((0.5, at),))


def played(pods: tuple[int, ...], *, peak: float, seed: int) -> tuple[Fleet, dict[str, list[Scraped]]]:
    """Play a day with so many pods in each sixth of it, and scrape each pod every five seconds."""
    fleet, scrapes = Fleet(TARGET_S, seed=seed), dict[str, list[Scraped]]()
    fleet.feed(generated_day(peak, seconds=LASTS_S, seed=seed).arrivals(seed))
    for tenth in range(10 * (LASTS_S + 6)):
        wanted = pods[min(tenth * len(pods) // (10 * LASTS_S), len(pods) - 1)]
        for number in range(len(fleet.servers), wanted):
            fleet.join(f"pod-{number}", SERVICE)
        fleet.advance(tenth / 10)
        for number, (name, server) in enumerate(fleet.servers.items()):
            if tenth % 50 == number * 7 % 50:
                found = server.windows.request.quantiles(fleet.now_s, QUANTILES)
                points = tuple((share, us / 1e6) for share, us in zip(QUANTILES, found, strict=True) if us > 0)
                scrapes.setdefault(name, []).append(
                    Scraped(at=fleet.now_s, answered=server.counters.success, points=points)
                )
    return fleet, scrapes


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("pods", "peak"), [((1, 2, 4, 6, 8, 8), 560.0), ((1, 1, 2, 4, 6, 8), 560.0), ((4,), 300.0)])
def test_what_is_recomputed_is_what_the_ledger_knows(pods: tuple[int, ...], peak: float, seed: int) -> None:
    """Answers to the last one, those in time within 2 %, whether all, most or few were; and the bounds hold."""
    fleet, scrapes = played(pods, peak=peak, seed=seed)
    tiles = [tile for each in scrapes.values() for tile in tiled(each, since=0.0)]
    answered = sum(number for number, _ in tiles)
    least, within, most = (
        sum(number * share_within(points, TARGET_S)[each] for number, points in tiles) / answered for each in range(3)
    )
    truth = fleet.ledger.total

    assert answered == truth.completed
    assert within == pytest.approx(truth.within / truth.completed, rel=0.02)
    assert least - 0.01 <= truth.within / truth.completed <= most + 0.01


@given(st.lists(st.tuples(st.floats(0.5, 40.0), st.integers(0, 500)), max_size=60), st.floats(0.0, 300.0))
def test_every_answer_since_the_beginning_is_in_one_tile(steps: list[tuple[float, int]], since: float) -> None:
    """Whatever the gaps between scrapes; what a pod had counted before is not counted."""
    scrapes, at, answered = [], 0.0, 0.0
    for gap, number in steps:
        at, answered = at + gap, answered + number
        scrapes.append(scraped(at, answered))
    before = [each.answered for each in scrapes if each.at <= since]

    assert sum(number for number, _ in tiled(scrapes, since=since)) == answered - (before[-1] if before else 0.0)


def test_a_tile_is_of_a_window_and_told_by_its_end() -> None:
    """54 s, the mean of what Triton's summaries are of; the rest is told by the last scrape before."""
    scrapes = [scraped(5.0 * number, 10.0 * number) for number in range(1, 21)]

    assert list(tiled(scrapes, since=0.0)) == [(110.0, ((0.5, 100.0),)), (90.0, ((0.5, 45.0),))]


@pytest.mark.parametrize(
    ("target_s", "shares"),
    [
        (0.05, (0.0, 0.25, 0.5)),  # between nothing and the first point
        (0.1, (0.5, 0.5, 0.9)),
        (0.15, (0.5, 0.7, 0.9)),  # a slope
        (0.2, (0.9, 0.945, 0.99)),
        (1.0, (0.9, 0.945, 0.99)),  # a gap: the middle, wherever in it
        (9.0, (0.99, 0.995, 1.0)),
    ],
)
def test_a_share_lies_between_two_quantiles(target_s: float, shares: tuple[float, float, float]) -> None:
    """The least, the likeliest, the largest."""
    points = ((0.5, 0.1), (0.9, 0.2), (0.99, 4.0))

    assert share_within(points, target_s) == pytest.approx(shares)
    assert share_within((), target_s) == (0.0, 0.5, 1.0)


def test_a_pod_counts_from_an_interval_before_its_first_scrape_to_its_last() -> None:
    """Inside the run; gaps between are no absence."""
    assert lasted([5.0, 10.0, 30.0], 0.0, 100.0) == 30.0
    assert lasted([0.0, 5.0, 10.0], 0.0, 6.0) == 6.0
    assert lasted([50.0], 0.0, 20.0) == 0.0
    assert lasted([], 0.0, 20.0) == 0.0


def test_job_and_interval_are_those_of_the_configuration() -> None:
    """config/prometheus/scrape.yaml decides."""
    scrape = Path(__file__).parents[3] / "config/prometheus/scrape.yaml"
    (job,) = yaml.safe_load(scrape.read_text())["scrape_configs"]

    assert (job["job_name"], job["scrape_interval"]) == (JOB, f"{INTERVAL_S:g}s")


class FakePrometheus(BaseHTTPRequestHandler):
    """Answers as Prometheus does, of two pods of which one began within the run."""

    def do_GET(self) -> None:
        query = parse_qs(urlparse(self.path).query)["query"][0]
        body = json.dumps({"status": "success", "data": {"result": list(self._series(query))}}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def _series(self, query: str) -> Iterator[dict[str, object]]:
        assert '{job="trimtab-models",namespace="shop",trimtab_model="fraud"}' in query
        old, new = {"pod": "old"}, {"pod": "new"}
        if query.startswith("min("):
            yield {"metric": {}, "value": [1030.0, "1021.5"]}
        elif query.startswith("up"):
            yield {"metric": old, "values": [[at, "1"] for at in (996, 1001, 1006, 1011, 1016, 1021)]}
            yield {"metric": new, "values": [[1012, "0"], [1017, "1"]]}
        elif query.startswith("nv_inference_request_success"):
            yield {"metric": old, "values": [[995, "100"], [1000, "100"], [1020, "160"]]}
            yield {"metric": new, "values": [[1017, "0"], [1022, "40"]]}
        elif query.startswith("nv_inference_request_summary_us"):
            yield {"metric": old | {"quantile": "0.5"}, "values": [[995, "NaN"], [1020, "20000"]]}
            yield {"metric": old | {"quantile": "0.9"}, "values": [[1020, "160000"]]}
            yield {"metric": new | {"quantile": "0.9"}, "values": [[1017, "NaN"], [1022, "80000"]]}

    def log_message(self, *_: object) -> None:
        return


class EmptyPrometheus(FakePrometheus):
    """One that has never scraped anybody."""

    def _series(self, _: str) -> Iterator[dict[str, object]]:
        return iter(())


@contextmanager
def listening(answers: type[FakePrometheus]) -> Iterator[str]:
    """Let a fake listen until the end of the block; yield where."""
    with HTTPServer(("127.0.0.1", 0), answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_everything_that_prometheus_has_is_added_up() -> None:
    """Counters since the beginning, and of a new pod from zero; quantiles by pod; targets by their time."""
    with listening(FakePrometheus) as prometheus:
        found, seen = recompute(prometheus, RUN), scraped_since(prometheus, RUN)

    assert found is not None
    assert found.answered == 60 + 40
    assert found.least == pytest.approx((60 * 0.5 + 40 * 0.9) / 100)
    assert found.within == pytest.approx((60 * 0.7 + 40 * 0.95) / 100)
    assert found.most == pytest.approx((60 * 0.9 + 40 * 1.0) / 100)
    assert found.replica_seconds == pytest.approx(20 + 10)  # from 1000 on, and from 1007 to 1017
    assert seen


def test_of_a_run_that_prometheus_did_not_count_nothing_is_known() -> None:
    """No request is not a share of them, and a target that is not there was not scraped."""
    with listening(EmptyPrometheus) as prometheus:
        found, seen = recompute(prometheus, RUN), scraped_since(prometheus, RUN)

    assert found is None
    assert not seen
