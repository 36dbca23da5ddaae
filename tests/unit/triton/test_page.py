"""What is picked out of a metrics page, and what is refused."""

from pathlib import Path

import pytest

from trimtab.adapters.triton.page import MOST_SERIES, PageError, counts_on
from trimtab.core.scaling.observation import NoDataReason

REAL = (Path(__file__).parents[1] / "demo" / "triton-2.51-metrics.txt").read_bytes()
HEAD = b"# HELP nv_inference_request_success{ is a counter\n"


def page(success: object = 10, failure: object = 2, pending: object = 3, model: str = "fraud") -> bytes:
    """Return a page with one model."""
    return (
        HEAD
        + f'nv_inference_request_success{{model="{model}",version="1"}} {success}\n'
        f'nv_inference_request_failure{{model="{model}",reason="REJECTED",version="1"}} {failure}\n'
        f'nv_inference_request_failure{{model="{model}",reason="OTHER",version="1"}} 1\n'
        f'nv_inference_pending_request_count{{model="{model}",version="1"}} {pending}\n'.encode()
    )


def test_a_real_page_is_read() -> None:
    """Of Triton 2.51, whose comments name the families too."""
    name = REAL.split(b'nv_inference_request_success{model="')[1].split(b'"')[0].decode()

    ended, pending = counts_on(REAL, name)

    assert ended > 0.0
    assert pending >= 0.0


def test_versions_and_reasons_are_added_up_and_other_models_left_out() -> None:
    """A server may have several models, and a model several versions."""
    both = page() + page(1_000, 1_000, 1_000, model="fraud2") + page(5, 0, 0).replace(b'version="1"', b'version="2"')

    assert counts_on(both, "fraud") == (19.0, 3.0)


def test_a_model_is_found_by_its_own_label_alone() -> None:
    """Not by a value, or another label, in which its name stands."""
    sly = page().replace(b'version="1"', b'version=",model=\\"payments\\"",sub_model="payments"')

    with pytest.raises(PageError, match="has no nv_inference_request_success of model 'payments'"):
        counts_on(sly, "payments")
    assert counts_on(sly, "fraud") == (13.0, 3.0)


@pytest.mark.parametrize("number", ["NaN", "Nan", "-1", "+Inf", "1e300", "", "ten", "1 2 3"])
@pytest.mark.parametrize("family", ["success", "failure", "pending"])
def test_a_number_that_no_server_counts_is_refused(family: str, number: str) -> None:
    """Not a number would compare as if it were calm."""
    with pytest.raises(PageError, match="it counts") as caught:
        counts_on(page(**{family: number}), "fraud")

    assert caught.value.fault.reason is NoDataReason.MALFORMED


@pytest.mark.parametrize("family", ["success", "failure", "pending"])
def test_a_family_that_is_missing_is_not_zero(family: str) -> None:
    """An older Triton has no pending requests on its page: then growth is not known."""
    lines = page().splitlines(keepends=True)
    without = b"".join(line for line in lines if family.encode() not in line.split(b"{")[0])

    with pytest.raises(PageError, match=f"it has no nv_inference_.*{family}") as caught:
        counts_on(without, "fraud")

    assert caught.value.fault.reason is NoDataReason.EMPTY


@pytest.mark.parametrize("length", range(len(HEAD) + 30, len(page()), 7))
def test_a_page_that_is_cut_off_is_refused(length: int) -> None:
    """The first digits of a number are another number."""
    with pytest.raises(PageError):
        counts_on(page()[:length], "fraud")


@pytest.mark.parametrize(
    "junk",
    [
        b"<html><body>nginx</body></html>",
        b"",
        b"\xff\xfe" * 100,
        b"nv_inference_request_success{" * 9_000,
        b'nv_inference_request_success{model="' + b"x" * 250_000,
        b'nv_inference_request_success{model="fraud\n",version="1"} 1\n',
        b'nv_inference_request_success{model="fraud",version="1"}1\n',
    ],
)
def test_what_is_no_page_is_refused(junk: bytes) -> None:
    """At once, whatever its size."""
    with pytest.raises(PageError):
        counts_on(junk, "fraud")


def test_a_family_without_end_is_refused() -> None:
    """A thousand series of one model cost every other model's time."""
    line = page().splitlines(keepends=True)[1]

    with pytest.raises(PageError, match="more than 512 series"):
        counts_on(line * (MOST_SERIES + 1) + page(), "fraud")
