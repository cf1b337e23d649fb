"""Links, grants, and the one query from a grant to the studies it opens."""
