"""Reports of the hospital: taken in, matched to their study, kept in every version."""
