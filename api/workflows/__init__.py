"""Use cases that need several packages."""
