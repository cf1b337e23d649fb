"""Backups of one installation: made while it runs, proved, and brought back into an empty folder."""
