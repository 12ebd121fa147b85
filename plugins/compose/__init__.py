"""Containers as Compose files, for people who want to read or run the same thing by hand."""
