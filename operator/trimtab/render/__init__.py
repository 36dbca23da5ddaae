"""Rendering: spec and decision in, whole manifests out."""
