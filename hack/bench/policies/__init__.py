"""Measure policies: Trimtab beside its rivals over traces, cold starts and sizes of fleets, in simulated worlds."""
