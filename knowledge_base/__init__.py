"""Reviewed knowledge and how to find it."""
