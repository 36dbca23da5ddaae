"""The metrics pages of Triton, read from the pods that serve."""
