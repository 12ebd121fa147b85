"""Dashboards: read, fitted to a site, linted, and asked of what is really there."""
