"""Prometheus' configuration for a plane: the project's own, told where this API server is and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).parents[2] / "config" / "prometheus" / "scrape.yaml"


def configuration(*, kubeconfig: Path, proxy: str | None = None, project: Path = PROJECT) -> str:
    """Return a whole configuration around the scrape jobs in `project`.

    Pods are discovered with `kubeconfig` instead of the credentials that a pod would find in its file system. With
    `proxy`, the URL of an HTTP proxy, scrapes go through it: the addresses of played pods lead nowhere.
    """
    jobs: list[dict[str, Any]] = yaml.safe_load(project.read_text())["scrape_configs"]
    for job in jobs:
        for discovery in job["kubernetes_sd_configs"]:
            discovery["kubeconfig_file"] = str(kubeconfig)
        if proxy:
            job["proxy_url"] = proxy
    return yaml.safe_dump({"scrape_configs": jobs}, sort_keys=False)
