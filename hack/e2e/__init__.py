"""What the end-to-end tests stand on: their images, and a kind cluster with the operator in it."""
