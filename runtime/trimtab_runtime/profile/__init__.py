"""Measure a model in a Triton beside it: how long a batch takes, and what a replica serves."""
