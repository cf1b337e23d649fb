"""One append-only, hash-chained record of every act on a patient's data."""
