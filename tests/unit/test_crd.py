"""The CustomResourceDefinitions are what the models say, and what an API server takes."""

import re
from pathlib import Path

import pytest

from trimtab.api.crd import DEFINITIONS, HEADER, Definition, crd_manifest, render_crds

CRDS = Path(__file__).resolve().parents[2] / "crds"


@pytest.mark.parametrize(("filename", "text"), render_crds().items(), ids=lambda value: value[:40])
def test_the_files_in_crds_are_what_the_models_say(filename: str, text: str) -> None:
    """`make crds` was run after the last change of a model."""
    assert (CRDS / filename).read_text() == text


def test_crds_holds_no_definition_of_a_kind_that_is_gone() -> None:
    """Each file in crds/ is one that is generated, or kustomize's list of them."""
    assert {path.name for path in CRDS.iterdir()} == {*render_crds(), "kustomization.yaml"}


@pytest.mark.parametrize("text", render_crds().values(), ids=list(render_crds()))
def test_the_files_read_well(text: str) -> None:
    """They say that they are generated, use no anchors, and break no line that has a space to break it at."""
    assert text.startswith(HEADER)
    assert not [line for line in text.splitlines() if re.match(r"\s*(- )*([\w-]+: )?[&*]\w", line)]
    assert [line for line in text.splitlines() if " " in line[121:]] == []


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda definition: definition.kind.kind)
def test_columns_fit_a_terminal(definition: Definition) -> None:
    """The columns shown without `-o wide`, each three wider than its title, leave 40 of 120 characters for the name."""
    narrow = [column for column in definition.columns if not column.wide]

    assert sum(len(column.name) + 3 for column in narrow) <= 80


def test_only_models_scale() -> None:
    """`kubectl scale aim/x` sets spec.replicas; a pool has nothing to scale; both keep status apart from spec."""
    subresources = {
        definition.kind.kind: crd_manifest(definition)["spec"]["versions"][0]["subresources"]
        for definition in DEFINITIONS
    }

    assert subresources == {
        "AIModel": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "InferencePool": {"status": {}},
    }
