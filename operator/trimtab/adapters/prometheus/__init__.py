"""What is measured of models, out of Prometheus: see `source.PrometheusSource`."""
