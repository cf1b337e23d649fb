"""The patient index: who a study belongs to, and proof that a visitor is that person."""

import imaging_core.retention.visits  # noqa: F401  # whoever writes a patient keeps what starts terms
