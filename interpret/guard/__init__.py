"""What may be shown: forbidden things, grounding, alignment, coverage, scope, urgency, de-identification."""
