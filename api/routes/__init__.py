"""One module per resource, grouped by who calls."""
