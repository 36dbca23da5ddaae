"""The same decision against a queueing world: replay, rivals, oracles."""
