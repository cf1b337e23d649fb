"""A conversation about one report: rules first, then the report, then knowledge; every sentence checked."""
