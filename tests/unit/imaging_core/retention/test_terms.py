"""Until when a study is kept: never shorter than what is known for sure."""

from datetime import UTC, date, datetime

import pytest

from imaging_core.index.tables import StudyRow
from imaging_core.patients.tables import PatientRow
from imaging_core.retention import Reason, policies, read_policies, term_of
from imaging_core.retention.tables import VisitRow
from imaging_core.retention.terms import PolicyInvalid

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


def visited(*days: tuple[str, str]) -> list[VisitRow]:
    """Return visits, oldest first: a day and a kind; `home` is a discharge."""
    return [
        VisitRow(
            day=date.fromisoformat(day),
            encounter_class="inpatient" if kind == "home" else kind,
            discharge=kind == "home",
        )
        for day, kind in days
    ]


class TestTermFromVisits:
    """With every visit known, the kind at the time of the examination decides, and any later visit starts it anew."""

    @pytest.mark.parametrize(
        ("visits", "kind", "until"),
        [
            ([("2026-03-01", "outpatient")], "outpatient", date(2041, 3, 1)),
            ([("2026-03-01", "outpatient"), ("2030-05-01", "outpatient")], "outpatient", date(2045, 5, 1)),
            ([("2026-03-01", "outpatient"), ("2030-05-01", "inpatient")], "outpatient", date(2045, 5, 1)),
            ([("2026-02-27", "inpatient"), ("2026-03-09", "home")], "inpatient", date(2056, 3, 9)),
            ([("2026-02-27", "inpatient"), ("2026-02-28", "outpatient")], "inpatient", date(2056, 3, 1)),
            ([("2026-02-20", "inpatient"), ("2026-02-27", "home"), ("2026-03-01", "outpatient")], "outpatient", None),
            ([("2026-02-20", "inpatient"), ("2026-03-01", "home")], "inpatient", date(2056, 3, 1)),
            ([("2026-03-01", "outpatient"), ("2026-03-01", "emergency")], "emergency", date(2041, 3, 1)),
            ([("2026-03-01", "outpatient"), ("2026-03-01", "")], "", date(2056, 3, 1)),
        ],
    )
    def test_is_of_the_visit_the_examination_belongs_to(self, visits, kind, until):
        term = term_of(study(), patient("emergency"), TODAY, visits=visited(*visits))
        assert (term.encounter_class, term.keep_until) == (kind, until or date(2041, 3, 1))

    def test_of_an_examination_before_the_first_known_visit_stays_the_longer(self):
        later = patient("outpatient", visit=datetime(2027, 5, 1, tzinfo=UTC))
        assert term_of(study(), later, TODAY, visits=visited(("2027-05-01", "outpatient"))).years == 30


POLICIES = """
- {version: "2", in_force_from: 2040-01-01, source: x, years: {outpatient: 20, inpatient: 40}}
- {version: "1", in_force_from: 2000-01-01, source: x, years: {outpatient: 15, inpatient: 30}}
"""


class TestPolicies:
    @pytest.mark.parametrize(
        ("today", "version", "years"),
        [(date(1999, 1, 1), "1", 15), (date(2039, 12, 31), "1", 15), (date(2040, 1, 1), "2", 20)],
    )
    def test_a_new_one_counts_from_its_day_for_what_is_here_already(self, today, version, years):
        versions = read_policies(POLICIES)
        term = term_of(study(), patient("outpatient"), today, versions=versions)
        assert (term.policy_version, term.years) == (version, years)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "valid list"),
            ("[]", "there must be"),
            (POLICIES.replace('"2"', '"1"'), "version of its own"),
            (POLICIES.replace("20,", "0,"), "0.years.outpatient"),
            (POLICIES.replace("2040-01-01", "soon"), "0.in_force_from"),
            ("- [", "no YAML"),
        ],
    )
    def test_a_wrong_file_is_refused_by_name(self, text, said):
        with pytest.raises(PolicyInvalid, match=said):
            read_policies(text)
