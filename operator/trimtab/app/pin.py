"""`trimtab unpin`: take `spec.replicas` out of an AIModel, as the user who asks for it."""

from trimtab.adapters.cluster.connection import JSON_PATCH, Call, connect
from trimtab.adapters.cluster.context import context_namespace
from trimtab.api.kinds import AIMODEL
from trimtab.api.objects import RefusedError
from trimtab.app.reading import get_model


async def remove_pin(name: str, namespace: str | None, context: str | None) -> str:
    """Remove the pin and return what was done, in words.

    Raises:
        ClusterError: there is no such model, it may not be changed, or the cluster cannot be reached.
    """
    place = namespace or context_namespace(context)
    connection = await connect(context=context)
    try:
        model = await get_model(connection, place, name)
        pinned = (model.get("spec") or {}).get("replicas")
        if pinned is None:
            return f"AIModel {place}/{name} is not pinned; nothing was changed"
        change = [
            {"op": "test", "path": "/metadata/uid", "value": model["metadata"]["uid"]},
            {"op": "remove", "path": "/spec/replicas"},
        ]
        try:
            await connection.request(Call("PATCH", AIMODEL.path(place, name), body=change, content_type=JSON_PATCH))
        except RefusedError as error:
            raise RefusedError(f"AIModel {place}/{name} cannot be unpinned: {error}") from None
        return f"AIModel {place}/{name} was pinned to {pinned}; the operator decides again"
    finally:
        await connection.close()
