"""How the operator fares with many models: PYTHONPATH=hack python -m bench."""
