"""Exporters: one file of data each."""
