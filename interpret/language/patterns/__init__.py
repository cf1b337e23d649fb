"""One file of patterns for each module that reads them."""
