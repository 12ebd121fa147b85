"""Settings of the demo on Docker."""

site = {"groups": ["monitoring", "web"]}

environment = "demo"

# Every component is a container; leave it out for a host, and there it is a unit of systemd.
runtime = "docker"
