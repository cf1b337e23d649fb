"""Reading a report: text in, terms, findings, critical rules out. Rules only, no model."""
