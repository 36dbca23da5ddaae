"""What children are called, how they are labelled, and whom they belong to.

Two models of a namespace never share a child, and every name is legal: a model's name has up to 253 characters and
dots, a Service's at most 63 without. A name that would be illegal or could be read in two ways gets a hash at its end:

    model           variant     Service             Service (headless)           Deployment
    fraud           l4          fraud               fraud-headless               fraud-l4
    fraud           a100-80gb   fraud               fraud-headless               fraud-a100-80gb-42a406385d
    fraud.v2        l4          fraud-v2-58bcd44816 fraud-v2-58bcd44816-headless fraud-v2-l4-db9e524597
"""

import hashlib
import re
from collections.abc import Mapping

from trimtab.api import annotations
from trimtab.api.identity import ModelIdentity
from trimtab.api.kinds import AIMODEL, Manifest

BIRTH_FIELD_MANAGER = "trimtab-birth"
"""Owns what a child is created with, `Deployment.spec.replicas` for good."""
FIELD_MANAGER = "trimtab"
"""Owns what is rendered, by server-side apply."""

APPLIED_ANNOTATION = "trimtab.io/applied"
"""On every child: the hash of the manifest as it was rendered; another hash, and there is something to apply."""
POD_TEMPLATE_ANNOTATION = "trimtab.io/pod-template"
"""On a Deployment: the hash of the pod template as it was rendered."""
POD_SETTINGS_ANNOTATION = "trimtab.io/pod-settings"
"""On a Deployment: the operator's settings that its pods were rendered with. Remove it to move them to today's."""

MODEL_LABEL = "trimtab.io/model"
VARIANT_LABEL = annotations.VARIANT_LABEL
NAME_LABEL = "app.kubernetes.io/name"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "trimtab"

MAX_NAME_LENGTH = 63  # of a Service and of a label's value
HASH_LENGTH = 10  # hexadecimal digits, 40 bits: models of one namespace are thousands, not millions
HEADLESS = "-headless"
MAX_BASE_LENGTH = MAX_NAME_LENGTH - len(HEADLESS)

PLAIN = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")  # RFC 1035: a Service's name starts with a letter
LOOKS_HASHED = re.compile(rf"(.*-)?[0-9a-f]{{{HASH_LENGTH}}}")


def base_name(model: str) -> str:
    """Return the name of a model's Service and of every child that a model has one of, at most 54 characters."""
    ambiguous = model.endswith(HEADLESS) or LOOKS_HASHED.fullmatch(model)
    if len(model) <= MAX_BASE_LENGTH and PLAIN.fullmatch(model) and not ambiguous:
        return model
    return _hashed(model, identity=model, limit=MAX_BASE_LENGTH)


def headless_name(model: str) -> str:
    """Return the name of the Service that resolves to every pod, at most 63 characters."""
    return base_name(model) + HEADLESS


def variant_name(model: str, variant: str) -> str:
    """Return the name of the Deployment and the autoscaler of one variant, at most 63 characters.

    A dash in the variant's name would leave open where the model's ends: `a` on `b-c` and `a-b` on `c`.
    """
    name = f"{model}-{variant}"
    ambiguous = base_name(model) != model or "-" in variant or LOOKS_HASHED.fullmatch(variant)
    if len(name) <= MAX_NAME_LENGTH and not ambiguous:
        return name
    return _hashed(name, identity=f"{model}/{variant}", limit=MAX_NAME_LENGTH)


def profile_name(model: str, key: str) -> str:
    """Return the name of the Job that measures what `key` stands for, at most 63 characters."""
    return _hashed(f"{model}-profile", identity=f"{model}/profile/{key}", limit=MAX_NAME_LENGTH)


def profile_label(model: str) -> str:
    """Return the value of the label `trimtab.io/model` on pods that measure a model: no Service's, and no model's."""
    return _hashed(f"{model}-profile", identity=f"{model}/profile", limit=MAX_NAME_LENGTH)


def model_label(model: str) -> str:
    """Return the value of the label `trimtab.io/model`: the model's name, or a hashed form where that is no value."""
    if len(model) <= MAX_NAME_LENGTH and not LOOKS_HASHED.fullmatch(model):
        return model
    return _hashed(model, identity=model, limit=MAX_NAME_LENGTH)


def selector(model: str, variant: str | None = None) -> dict[str, str]:
    """Return the labels that select a model's pods, of one variant if given; a Deployment's can never change."""
    labels = {MODEL_LABEL: model_label(model)}
    return labels if variant is None else labels | {VARIANT_LABEL: variant}


def labels(model: str, variant: str | None = None) -> dict[str, str]:
    """Return the labels of a child."""
    return {NAME_LABEL: "triton", MANAGED_BY_LABEL: MANAGED_BY} | selector(model, variant)


def metadata(model: ModelIdentity, name: str, child_labels: Mapping[str, str]) -> Manifest:
    """Return a child's metadata: it goes when the model goes, and its going blocks nobody."""
    return {
        "name": name,
        "namespace": model.namespace,
        "labels": dict(child_labels),
        "ownerReferences": [owner_reference(model)],
    }


def owner_reference(model: ModelIdentity) -> Manifest:
    """Return the controller owner reference to a model; the garbage collector needs no finalizer of ours."""
    return {
        "apiVersion": AIMODEL.api_version,
        "kind": AIMODEL.kind,
        "name": model.name,
        "uid": model.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def _hashed(text: str, *, identity: str, limit: int) -> str:
    """Return a legal name of at most `limit` characters: as much of `text` as fits, and the hash of `identity`."""
    digest = hashlib.sha256(identity.encode()).hexdigest()[:HASH_LENGTH]
    readable = text.replace(".", "-")
    if not PLAIN.match(readable):
        readable = f"m-{readable}"
    return f"{readable[: limit - HASH_LENGTH - 1].rstrip('-')}-{digest}"
