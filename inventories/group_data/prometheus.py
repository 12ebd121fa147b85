"""Every Prometheus of every inventory in this folder."""

prometheus = {
    # The rules look back 2 minutes: that has to hold at least four scrapes.
    "scrape_interval": "15s",
    "probe_interval": "30s",
}
