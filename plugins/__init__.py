"""The stackwatch engine: site model, wiring, runtimes, artifacts, checks."""
