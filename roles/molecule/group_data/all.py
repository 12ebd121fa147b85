"""Settings of a scenario, from its molecule.yml."""

from roles.molecule import scenario as _scenario

globals().update(_scenario.settings())
