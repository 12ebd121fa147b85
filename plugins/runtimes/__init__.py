"""Runtimes: how a component becomes something that runs on a host."""
