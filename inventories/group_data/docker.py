"""Settings of the demo on Docker."""

site = {
    "groups": ["monitoring", "web"],
    # Where its release cannot be reached, the rest runs, and what Grafana would ask is asked.
    "allow_missing": ["grafana"],
}

environment = "demo"

# Every component is a container; leave it out for a host, and there it is a unit of systemd.
runtime = "docker"
