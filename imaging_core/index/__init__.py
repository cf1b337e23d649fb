"""Tables of the archive, queries over them and the change feed. SQLAlchemy is the seam."""

import imaging_core.index.search.upkeep  # noqa: F401  # whoever writes a study keeps what finds it
