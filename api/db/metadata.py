"""Every table there is, for migrations."""

from sqlalchemy import MetaData

import api.accounts.tables
import api.editorial.tables
import api.institutions.tables
import api.workstations.tables
import imaging_core.coding.tables
import imaging_core.documents.tables
import imaging_core.index.search.tables
import imaging_core.index.tables
import imaging_core.interop.hl7v2.tables
import imaging_core.interop.regional.tables
import imaging_core.network.tables
import imaging_core.normalise.tables
import imaging_core.patients.decision_tables
import imaging_core.patients.tables
import imaging_core.reminders.tables
import imaging_core.reports.tables
import imaging_core.retention.tables
import imaging_core.scrub.tables
import imaging_core.sharing.tables
import imaging_core.worklist.tables
from api.db.tables import Base as ServiceBase
from imaging_core.index.base import Base as ArchiveBase

_TABLE_MODULES = (
    api.accounts.tables,
    api.editorial.tables,
    api.institutions.tables,
    api.workstations.tables,
    imaging_core.coding.tables,
    imaging_core.documents.tables,
    imaging_core.index.search.tables,
    imaging_core.index.tables,
    imaging_core.interop.hl7v2.tables,
    imaging_core.interop.regional.tables,
    imaging_core.network.tables,
    imaging_core.normalise.tables,
    imaging_core.patients.decision_tables,
    imaging_core.patients.tables,
    imaging_core.reminders.tables,
    imaging_core.reports.tables,
    imaging_core.retention.tables,
    imaging_core.scrub.tables,
    imaging_core.sharing.tables,
    imaging_core.worklist.tables,
)


def all_metadata() -> list[MetaData]:
    """Return the metadata of all packages that have tables."""
    return [ArchiveBase.metadata, ServiceBase.metadata]
