"""Settings of the stack on this machine's own engine."""

site = {"groups": ["monitoring"]}

environment = "local"

runtime = "docker"
