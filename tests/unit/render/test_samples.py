"""What the samples become, and how it is kept from changing unseen."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from samples import SAMPLES, SETTINGS, load, only, serving_of
from trimtab.api.kinds import CHILD_KINDS, JOB, Manifest
from trimtab.render.children import render_children
from trimtab.render.hashes import content_hash
from trimtab.render.names import APPLIED_ANNOTATION
from trimtab.render.profile import render_profile

GOLDENS = Path(__file__).parents[2] / "goldens" / "samples"


class PlainDumper(yaml.SafeDumper):
    """Writes YAML without anchors."""

    def ignore_aliases(self, data: object) -> bool:
        """Return True: what is the same object twice is written twice."""
        del data
        return True


def as_yaml(manifests: tuple[Manifest, ...]) -> str:
    """Return manifests as a person would want to read them."""
    return yaml.dump_all(manifests, Dumper=PlainDumper, sort_keys=False, width=120)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_sample_becomes_what_its_golden_says(sample: Path, golden: Callable[[str, str], None]) -> None:
    """Every character of every child was read by somebody."""
    serving = serving_of(sample, pod_monitors=True)

    children = render_children(serving, SETTINGS)
    if serving.spec.profile is not None:
        children += render_profile(serving, SETTINGS, serving.spec.profile)

    golden(f"samples/{sample.name}", as_yaml(children))


def test_every_golden_belongs_to_a_sample() -> None:
    """A sample that goes takes its golden along."""
    assert {path.name for path in GOLDENS.iterdir()} == {sample.name for sample in SAMPLES}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_sample_is_complete_and_opens_with_its_story(sample: Path) -> None:
    """One story: a comment that tells it, a pool, a model that uses it, and no anchors."""
    text = sample.read_text()
    manifests = load(sample)

    assert text.startswith("# ")
    assert only(manifests, "AIModel")["spec"]["poolRef"]["name"] == only(manifests, "InferencePool")["metadata"]["name"]
    assert not [line for line in text.splitlines() if ": &" in line or ": *" in line]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_children_come_in_the_order_of_writing_each_with_its_own_hash(sample: Path) -> None:
    """The policy before the first pod; each child tells what was rendered, so that nothing is applied twice."""
    children = render_children(serving_of(sample, pod_monitors=True), SETTINGS)

    kinds = [child["kind"] for child in children]
    assert kinds == sorted(kinds, key=[kind.kind for kind in CHILD_KINDS].index)
    assert set(kinds) == {kind.kind for kind in CHILD_KINDS if kind != JOB}
    for child in children:
        bare = json.loads(json.dumps(child))
        told = bare["metadata"]["annotations"].pop(APPLIED_ANNOTATION)
        if not bare["metadata"]["annotations"]:
            del bare["metadata"]["annotations"]
        assert told == content_hash(bare)


def test_the_hashes_of_pod_templates_stay_what_they_are(golden: Callable[[str, str], None]) -> None:
    """A pod template changes only when its user or pool changes.

    WHOEVER CHANGES tests/goldens/pod-templates.json RESTARTS EVERY GPU POD OF EVERY USER at their next upgrade. If that
    is meant, CHANGELOG says so, and docs/adr/0006-what-rolls-a-pod.md says what else could be done.
    """
    hashes = {}
    for sample in SAMPLES:
        (deployment,) = (c for c in render_children(serving_of(sample), SETTINGS) if c["kind"] == "Deployment")
        hashes[sample.stem] = content_hash(deployment["spec"]["template"])

    golden("pod-templates.json", json.dumps(hashes, indent=2) + "\n")
