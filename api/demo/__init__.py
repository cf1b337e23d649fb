"""The demo hospital: who is in it, what was found, and the files and messages that say so."""
