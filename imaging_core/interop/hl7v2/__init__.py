"""HL7 v2 as Chinese hospital systems send it: registrations, discharges and reports over MLLP."""
