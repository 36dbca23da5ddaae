"""The shell around the decisions: gather, decide, render, apply, report."""
