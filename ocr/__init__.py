"""From the picture of a paper report to fields with confidence."""
