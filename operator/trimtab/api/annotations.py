"""Marks that one room writes on an object and another one reads: annotations, labels, the name of a container."""

PAUSED_ANNOTATION = "trimtab.io/paused"
"""On an AIModel: while it is `true`, nothing of the model is changed."""
VARIANT_LABEL = "trimtab.io/variant"
"""On a Deployment and its pods: the name of the pool's variant that they run on."""
FETCH_CONTAINER = "fetch"
"""The init container that leaves a `FetchReport`."""
