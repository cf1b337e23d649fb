"""The processes of one installation: started together, watched, stopped cleanly."""
