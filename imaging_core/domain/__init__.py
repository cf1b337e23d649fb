"""Words of the archive as frozen dataclasses. Standard library only."""
