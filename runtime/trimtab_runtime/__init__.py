"""What runs inside pods: no Kubernetes client, no kopf."""
