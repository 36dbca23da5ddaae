"""Wiring: settings, the kopf shell, the command line."""
