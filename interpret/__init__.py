"""From a report and a question to a sourced answer."""
