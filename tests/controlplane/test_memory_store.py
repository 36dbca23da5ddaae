"""What decisions have learned, in ConfigMaps of the operator's namespace, with the operator's own rights."""

from controlplane import Api, ControlPlane, prepare
from trimtab.adapters.cluster.connection import connect
from trimtab.adapters.cluster.memory_store import ConfigMapStore
from trimtab.api.objects import ObjectKey

HERE = "trimtab-system"
CONFIG_MAP = "v1/ConfigMap"
MEMORY = "app.kubernetes.io/component=memory"


async def test_memories_outlive_the_process(control_plane: ControlPlane, api: Api) -> None:
    """What was saved is loaded by the next process, what was dropped is not, and what somebody spoilt is forgotten."""
    prepare(control_plane)
    models = [ObjectKey(f"team-{number % 7}", f"model-{number}.v{number}") for number in range(40)]
    connection = await connect(str(control_plane.kubeconfig_for("trimtab-operator")))
    try:
        store = ConfigMapStore(connection, HERE)
        assert await store.load() == {}
        await store.save({model: f'{{"at":{number}}}' for number, model in enumerate(models)})
        await store.save({models[0]: None, models[1]: "changed"})

        loaded = await ConfigMapStore(connection, HERE).load()

        assert loaded == {model: f'{{"at":{number}}}' for number, model in enumerate(models) if number} | {
            models[1]: "changed"
        }
        names = [found["metadata"]["name"] for found in api.list(CONFIG_MAP, HERE, MEMORY)]
        assert 1 < len(names) <= 8
        for name in names[1:]:
            api.delete(CONFIG_MAP, name, HERE)
        api.patch(CONFIG_MAP, names[0], {"data": {"spoilt": "[1, 2", "odd": '{"model": 7}'}}, namespace=HERE)
        again = ConfigMapStore(connection, HERE)
        assert set(await again.load()) < set(loaded)
        await again.save(dict.fromkeys(models, "new"))
        assert set((await again.load()).values()) == {"new"}
    finally:
        await connection.close()
        for found in api.list(CONFIG_MAP, HERE, MEMORY):
            api.delete(CONFIG_MAP, found["metadata"]["name"], HERE)
