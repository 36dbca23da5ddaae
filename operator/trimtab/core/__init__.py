"""Deciding: plain functions of frozen values, without a clock, a network, a logger or chance."""
