"""The Kubernetes API through `kubernetes.aio`: read by reflectors; written by create, server-side apply and delete."""
