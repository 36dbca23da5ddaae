"""Which pool and variant a model runs on, and whether it may."""

from collections.abc import Mapping

from pydantic import ValidationError

from trimtab.api.aimodel import AIModelSpec
from trimtab.api.conditions import Reason
from trimtab.api.inferencepool import AllowedNamespaces, parse_pool_spec
from trimtab.api.kinds import Manifest
from trimtab.core.prices import PriceList, with_list_prices
from trimtab.core.snapshot import PoolFound, PoolUnusable
from trimtab.core.untrusted import shown

NO_LIST = PriceList()


def resolve_pool(
    spec: AIModelSpec,
    namespace: str,
    pool: Manifest | None,
    namespace_labels: Mapping[str, str] | None,
    prices: PriceList = NO_LIST,
) -> PoolFound | PoolUnusable:
    """Return the pool and the variant that a model of `namespace` runs on, or why it may not.

    `pool` is the object that the model names, None where there is none; one that is being deleted still serves. A pool
    admits the models of its own namespace always. `namespace_labels` are those of the model's namespace; where they are
    not known, a pool that asks for labels refuses. `prices` are those that count where the pool has none of its own.
    """
    home, name = spec.pool_ref.namespace or namespace, spec.pool_ref.name
    where = f"InferencePool {home}/{name}"
    if pool is None:
        return PoolUnusable(
            Reason.POOL_NOT_FOUND,
            f"{where} is not there: create it, or name another one in spec.poolRef",
        )
    try:
        offered = parse_pool_spec(pool)
    except ValidationError as error:
        return PoolUnusable(
            Reason.POOL_INVALID,
            f"{where} cannot be read: {_first_fault(error)}. It was stored under another version of the CRD: "
            "correct it and apply it again",
        )
    if home != namespace:
        refusal = _refusal(offered.allowed_models.namespaces, namespace, namespace_labels)
        if refusal is not None:
            return PoolUnusable(
                Reason.POOL_REFUSES_NAMESPACE,
                f"{where} {refusal}. Ask its administrator to change spec.allowedModels, or name another pool",
            )
    asked = spec.serving.variant or offered.variants[0].name
    variant = next((variant for variant in offered.variants if variant.name == asked), None)
    if variant is None:
        names = ", ".join(variant.name for variant in offered.variants)
        return PoolUnusable(
            Reason.VARIANT_NOT_FOUND,
            f"{where} has no variant {asked}, it offers {names}: change spec.serving.variant, or leave it out",
        )
    priced, listed = with_list_prices(offered, prices)
    return PoolFound(home, name, priced, priced.variants[offered.variants.index(variant)], listed)


def _refusal(allowed: AllowedNamespaces, namespace: str, labels: Mapping[str, str] | None) -> str | None:
    """Return why models of another namespace may not use the pool, None if they may."""
    if allowed.from_ == "All":
        return None
    if allowed.from_ == "Same" or allowed.selector is None:
        return f"admits models of its own namespace alone, not those of {namespace}"
    wanted = allowed.selector.match_labels
    asks = ", ".join(f"{key}={value}" for key, value in sorted(wanted.items()))
    if labels is None:
        return f"admits namespaces labelled {asks}, and the labels of {namespace} are not known"
    if any(labels.get(key) != value for key, value in wanted.items()):
        return f"admits namespaces labelled {asks}, which {namespace} is not"
    return None


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step) for step in ("spec", *fault["loc"]))
    return shown(f"{where}: {fault['msg']}")
