"""Read one AIModel as the user of a command."""

from trimtab.adapters.cluster.connection import Call, Connection, connect
from trimtab.adapters.cluster.context import context_namespace
from trimtab.api.kinds import AIMODEL, Manifest
from trimtab.api.objects import NotFoundError


async def read_model(name: str, namespace: str | None, context: str | None) -> Manifest:
    """Return an AIModel; its namespace and the cluster are those of the kubectl context unless others are given.

    Raises:
        ClusterError: there is no such model, it may not be read, or the cluster cannot be reached.
    """
    place = namespace or context_namespace(context)
    connection = await connect(context=context)
    try:
        return await get_model(connection, place, name)
    finally:
        await connection.close()


async def get_model(connection: Connection, namespace: str, name: str) -> Manifest:
    """Return an AIModel.

    Raises:
        ClusterError: there is no such model, it may not be read, or the cluster cannot be reached.
    """
    try:
        return await connection.request(Call("GET", AIMODEL.path(namespace, name)))
    except NotFoundError:
        raise NotFoundError(
            f"there is no AIModel {name} in namespace {namespace}: `kubectl get aim --all-namespaces` lists them"
        ) from None
