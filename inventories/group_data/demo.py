"""Settings of the demo."""

site = {
    "groups": ["monitoring", "web"],
    # Where its release cannot be reached, the rest runs, and what Grafana would ask is asked.
    "allow_missing": ["grafana"],
}

environment = "demo"
