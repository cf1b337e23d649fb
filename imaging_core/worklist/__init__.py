"""The work list: what waits for a person, what may be done about it, and what was decided."""
