"""Trimtab: keeps each model inside its latency objective for the least money, and can say why."""

__version__ = "0.1.0"
