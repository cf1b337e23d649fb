"""The doctor's panel at the edge of the screen, around the plugin page. Imports no other package of this project."""

__version__ = "0.1.0"
