"""Finding studies, series and instances: one model of a query for QIDO-RS and C-FIND, free of both."""
