"""Settings of the demo."""

site = {"groups": ["monitoring", "web"]}

environment = "demo"
