"""How the operator fares with many models: PYTHONPATH=operator:hack python -m bench."""
