"""Bodies that never lived: volumes, pictures and signals to show, measure and test with."""
