"""The pipe for one InferencePool: gather, and say how it stands. Its models look at it themselves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from trimtab.api.kinds import INFERENCEPOOL
from trimtab.api.objects import ObjectKey
from trimtab.core.pool_health import pool_status
from trimtab.core.provided import Provided
from trimtab.reconcile.gather import gather_pool
from trimtab.reconcile.outcome import DONE, Outcome
from trimtab.reconcile.ports import Cluster
from trimtab.reconcile.report import Reporter


@dataclass
class PoolReconciler:
    """Looks at one InferencePool at a time. `now` is the wall clock."""

    cluster: Cluster
    reporter: Reporter
    now: Callable[[], datetime]
    provided: Provided = field(default_factory=Provided)

    async def reconcile(self, key: ObjectKey) -> Outcome:
        """Say how a pool stands.

        Raises:
            ClusterError: see `reconcile.outcome`.
        """
        manifest = self.cluster.get(INFERENCEPOOL, key)
        if manifest is None:
            self.reporter.forget(INFERENCEPOOL, key)
            return DONE
        if manifest["metadata"].get("deletionTimestamp") is not None:
            return DONE
        status = pool_status(gather_pool(self.cluster, manifest, self.now(), self.provided))
        return Outcome(await self.reporter.report(INFERENCEPOOL, manifest, status))
