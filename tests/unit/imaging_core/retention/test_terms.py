"""Until when a study is kept: never shorter than what is known for sure."""

from datetime import UTC, date, datetime

import pytest

from imaging_core.index.tables import StudyRow
from imaging_core.patients.tables import PatientRow
from imaging_core.retention import Reason, policies, term_of

pytestmark = pytest.mark.clause("R5.1")

TODAY = date(2026, 3, 2)


def study(day: date | None = date(2026, 3, 1)) -> StudyRow:
    return StudyRow(study_date=day, first_received_at=datetime(2026, 3, 1, 17, tzinfo=UTC))


def patient(kind: str | None, *, visit=None, discharge=None) -> PatientRow:
    return PatientRow(encounter_class=kind, last_visit_at=visit, discharged_at=discharge)


class TestTerm:
    @pytest.mark.parametrize(
        ("kind", "years", "reason"),
        [
            ("outpatient", 15, Reason.NAMED),
            ("emergency", 15, Reason.NAMED),
            ("inpatient", 30, Reason.NAMED),
            ("checkup", 30, Reason.NOT_NAMED),
            (None, 30, Reason.UNKNOWN),
            ("", 30, Reason.UNKNOWN),
        ],
    )
    def test_follows_the_kind_of_visit_and_what_is_not_named_is_kept_longer(self, kind, years, reason):
        term = term_of(study(), patient(kind), TODAY)
        assert (term.keep_until, term.years, term.reason) == (date(2026 + years, 3, 1), years, reason)

    def test_of_nobody_registered_is_the_longer(self):
        term = term_of(study(), None, TODAY)
        assert (term.years, term.reason) == (30, Reason.NO_PATIENT)

    def test_a_later_visit_starts_it_anew_and_hides_the_kind_at_the_time(self):
        later = patient("outpatient", visit=datetime(2027, 5, 1, tzinfo=UTC))
        term = term_of(study(), later, TODAY)
        assert (term.keep_until, term.reason) == (date(2057, 5, 1), Reason.VISITED_SINCE)

    def test_counts_from_discharge(self):
        inpatient = patient(
            "inpatient", visit=datetime(2026, 2, 20, tzinfo=UTC), discharge=datetime(2026, 3, 9, tzinfo=UTC)
        )
        assert term_of(study(), inpatient, TODAY).keep_until == date(2056, 3, 9)

    def test_a_study_without_date_counts_from_the_hospitals_day_of_arrival(self):
        assert term_of(study(None), patient("outpatient"), TODAY).counted_from == date(2026, 3, 2)

    def test_the_policy_says_where_it_comes_from(self):
        assert policies()[0].version == "1"
        assert "15 年" in policies()[0].source
        assert policies()[0].years["outpatient"] == 15
