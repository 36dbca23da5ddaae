"""A world for the operator to live in: traffic, and a stand-in for Triton in every pod. For the demo and tests only."""
