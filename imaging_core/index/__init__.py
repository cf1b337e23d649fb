"""Tables of the archive, queries over them and the change feed. SQLAlchemy is the seam."""
