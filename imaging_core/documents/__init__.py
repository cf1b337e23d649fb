"""Results that are not DICOM: e-reports as uploaded, laboratory tables, and our own printed report."""
