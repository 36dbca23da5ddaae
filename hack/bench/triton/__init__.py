"""A real Triton without a GPU, beside the simulated world that is to behave like it."""
