"""Plain sentences composed from what the rules read; complete without a model."""
