"""From the settings to what the operator provides for all pools."""

import datetime as dt

from trimtab.adapters.prices import read_price_list
from trimtab.app.settings import Settings
from trimtab.core.prices import PriceList
from trimtab.core.provided import Provided


def provided_by(settings: Settings, today: dt.date) -> Provided:
    """Return the price list, read now, and the names of the metric sources."""
    about = settings.prices
    prices = PriceList() if about is None else read_price_list(about.path, about.place, today)
    return Provided(prices=prices, metric_sources=tuple(sorted(settings.prometheus_sources)))
