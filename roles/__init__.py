"""One role per folder, one exporter per file in `exporters/`."""
