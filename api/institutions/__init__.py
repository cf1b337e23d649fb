"""The institutions of the province, and from which of them studies can be retrieved."""
