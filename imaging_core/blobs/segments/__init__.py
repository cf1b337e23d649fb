"""Blobs in append-only segment files, many made durable by one flush."""
