"""What a metrics page says of one model, picked out of its bytes: three families, without parsing the others."""

import math
import re
from collections.abc import Iterator

from trimtab.core.scaling.observation import NoData, NoDataReason

SUCCESS, FAILURE, PENDING = (
    b"nv_inference_request_success{",
    b"nv_inference_request_failure{",
    b"nv_inference_pending_request_count{",
)
MOST = 2.0**53
"""Of a counter: beyond it a request more is no longer told."""
MOST_SERIES = 512
"""Of one family: models, versions and reasons of a server; a page that goes on costs everybody time."""
LONGEST_SHOWN = 80
_LABELS = re.compile(rb'(?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*')
_MODEL = re.compile(rb'(?:^|,)model="((?:[^"\\]|\\.)*)"')


class PageError(Exception):
    """A page cannot be used; `fault` says why."""

    def __init__(self, reason: NoDataReason, fault: str) -> None:
        super().__init__(fault)
        self.fault = NoData(reason, fault)


def counts_on(page: bytes, model: str) -> tuple[float, float]:
    """Return how many requests of a model have ended, answered or failed, and how many are pending, over its versions.

    Raises:
        PageError: one of the three families does not tell of the model, or tells what no server counts.
    """
    name = model.encode()
    success, failure, pending = (_sum(page, family, name) for family in (SUCCESS, FAILURE, PENDING))
    return success + failure, pending


def _sum(page: bytes, family: bytes, model: bytes) -> float:
    told = [_number(value) for labels, value in _series(page, family) if _model_of(labels) == model]
    if not told:
        name = family[:-1].decode()
        raise PageError(NoDataReason.EMPTY, f"it has no {name} of model {_shown(model)}")
    return sum(told)


def _series(page: bytes, family: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the labels and the value of each line of a family."""
    at = found = 0
    while (at := page.find(family, at)) >= 0:
        begins, at = at, at + len(family)
        if begins and page[begins - 1 : begins] != b"\n":  # a comment names the family too
            continue
        ends = page.find(b"\n", at)
        labels, found = _LABELS.match(page, at), found + 1
        if labels is None or labels.end() > ends or page[labels.end() : labels.end() + 2] != b"} ":
            said = f"it is cut off, or no page of metrics: {_shown(page[begins : begins + LONGEST_SHOWN])}"
            raise PageError(NoDataReason.MALFORMED, said)
        if found > MOST_SERIES:
            raise PageError(NoDataReason.MALFORMED, f"it has more than {MOST_SERIES} series of a family")
        yield labels[0], page[labels.end() + 2 : ends]


def _model_of(labels: bytes) -> bytes | None:
    found = _MODEL.search(labels)
    return None if found is None else found[1]


def _number(value: bytes) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0.0 <= number <= MOST:
        raise PageError(NoDataReason.MALFORMED, f"it counts {_shown(value)} requests")
    return number


def _shown(text: bytes) -> str:
    return ascii(text[:LONGEST_SHOWN].decode(errors="replace"))
