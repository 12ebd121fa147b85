"""Settings of the stack on this machine's own engine."""

site = {
    "groups": ["monitoring"],
    # Where its release cannot be reached, the rest runs, and what Grafana would ask is asked.
    "allow_missing": ["grafana"],
}

environment = "local"

runtime = "docker"
