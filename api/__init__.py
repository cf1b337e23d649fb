"""HTTP edge and the one place where parts are put together."""
