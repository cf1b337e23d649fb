"""Short messages to patients."""
