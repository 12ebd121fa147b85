"""A service with database, cache, queue and worker, to try a monitoring stack on."""
