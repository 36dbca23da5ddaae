"""Laws of divergence, over every value of every child of every sample."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, strategies as st

from samples import SAMPLES, SETTINGS, serving_of
from trimtab.api.kinds import Manifest
from trimtab.render.children import render_children
from trimtab.render.divergence import needs_apply

CHILDREN = [child for sample in SAMPLES for child in render_children(serving_of(sample, pod_monitors=True), SETTINGS)]

Path = tuple[Any, ...]


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:  # noqa: ANN401 - JSON values
    """Yield the path of every value that is neither a map nor a list, and of every empty map."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path


def parent(manifest: Manifest, path: Path) -> Any:  # noqa: ANN401 - JSON values
    """Return what holds the value at a path."""
    found: Any = manifest
    for step in path[:-1]:
        found = found[step]
    return found


@pytest.mark.parametrize("change", ["gone", "another"])
def test_no_value_that_was_rendered_can_be_changed_or_taken_away_unseen(change: str) -> None:
    """One by one."""
    for child in CHILDREN:
        for path in leaves(child):
            live = copy.deepcopy(child)
            if change == "gone":
                del parent(live, path)[path[-1]]
            else:
                parent(live, path)[path[-1]] = "something else"
            assert needs_apply(child, live), path


@given(child=st.sampled_from(CHILDREN), data=st.data())
def test_what_is_added_to_a_map_is_no_divergence_unless_the_map_is_owned(child: Manifest, data: st.DataObject) -> None:
    """A default, a status, somebody's label: wherever the server or others may add one."""
    live = copy.deepcopy(child)
    whole = {"selector", "podSelector", "labelSelector", "nodeSelector", "ingress", "egress"}
    path = data.draw(st.sampled_from([path for path in leaves(child) if not whole & set(path)]))
    place = parent(live, path)
    if isinstance(place, dict):
        place["added-by-others"] = "value"

    assert not needs_apply(child, live)
