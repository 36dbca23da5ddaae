"""Names in questions: whatever they are, they match themselves and nothing else, and end no string."""

import re

from hypothesis import example, given, settings, strategies as st

from trimtab.adapters.prometheus.promql import QUANTILES, demand, facts, literal, one_of, quantiles, selector
from trimtab.core.scaling.observation import ModelRef

ESCAPE = re.compile(r"\\(.)", re.DOTALL)
MEANT = {"n": "\n", "r": "\r"}
NASTY = st.text(st.sampled_from('ab"\\\n\r{}()[]|.*+?^$,=~` \t\0é')) | st.text()


def unquote(string: str) -> str:
    """Return what a PromQL string means, as its lexer reads it, and fail where it would end early."""
    assert string[0] == string[-1] == '"'
    inside = string[1:-1]
    assert re.fullmatch(r'(?:[^"\\\n]|\\["\\nr])*', inside), inside
    return ESCAPE.sub(lambda match: MEANT.get(match[1], match[1]), inside)


@settings(deadline=None)
@given(text=NASTY)
@example(text='"} or up{job="x')
def test_a_string_is_exactly_its_text(text: str) -> None:
    """Quotes, backslashes and line ends are data."""
    assert unquote(literal(text)) == text


@settings(deadline=None)
@given(values=st.sets(NASTY, min_size=1, max_size=4), other=NASTY)
@example(values={"a.c"}, other="abc")
@example(values={"a|b"}, other="a")
@example(values={".*"}, other="anything")
def test_a_pattern_matches_exactly_its_values(values: set[str], other: str) -> None:
    """No name is a pattern, so none lets in another's series."""
    pattern = re.compile(unquote(one_of(values)))

    assert all(pattern.fullmatch(value) for value in values)
    assert bool(pattern.fullmatch(other)) is (other in values)


def test_every_series_that_is_asked_for_is_selected_by_job_namespace_and_model() -> None:
    """No question reads a metric of anybody else: each selector in it begins or ends with the same three labels."""
    models = [ModelRef("bank", "fraud", 1), ModelRef("shop", "churn", 1)]
    where = selector(models)

    assert where == 'job="trimtab-models",namespace=~"bank|shop",trimtab_model=~"churn|fraud"'
    for query in (facts(models), quantiles(models), demand(models)):
        selectors = re.findall(r"\{([^}]*)\}", query)
        assert selectors
        assert all(where in each for each in selectors)
        assert len(re.findall(r"\b(?:nv_inference_\w+|up)\b\{", query)) + query.count("{__name__") == len(selectors)


def test_only_quantiles_that_triton_is_told_to_keep_are_asked_for() -> None:
    """A pod with a thousand quantiles of its own does not make the answer longer."""
    assert {"0.5", "0.95", "0.99", "0.999"} <= set(QUANTILES)
    assert list(QUANTILES) == sorted(QUANTILES, key=float)
    assert "0\\\\.999" in quantiles([ModelRef("bank", "fraud", 1)])
