"""The patient index: who a study belongs to, and proof that a visitor is that person."""
