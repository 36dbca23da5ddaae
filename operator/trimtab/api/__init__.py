"""Every format that crosses a process border: custom resources, conditions, what a Job or init container reports."""
