"""数据规整: what devices wrote beside the original, rules about devices, and the page's answers."""

from typing import Any

import pytest
from sqlalchemy import select, update

from api.accounts.roles import Role
from api.db.tables import AuditEventRow, WorkRow
from api.jobs import NORMALISE, RENORMALISE
from api.workflows.normalise_studies import owe_normalising, owe_renormalising
from imaging_core.index.tables import InstanceRow, SeriesRow
from imaging_core.normalise import values
from imaging_core.normalise.tables import FindingRow, NormalisedSeriesRow, NormalisedStudyRow
from imaging_core.normalise.upkeep import mark_all, waiting
from tests.builders.dicom import ct_instance, series_uid, study_uid
from tests.builders.staff import signed_in

pytestmark = [pytest.mark.integration, pytest.mark.clause("R4.4")]

ROOT = "/api/admin/normalisation"
ODD: dict[str, Any] = {
    "StationName": "CT-ODD",
    "Manufacturer": "ACME",
    "BodyPartExamined": "CHEST",
    "StudyDescription": "腰椎CT平扫",
}
BY_DESCRIPTION = {"matcher": {"station_name": "ct-odd"}, "body_part_from": "description"}


@pytest.fixture
def keeper(clinic):
    return signed_in(clinic, [Role.SYSTEM_ADMINISTRATOR])


def store(hospital, *names: str, **attributes):
    hospital.images([ct_instance(study=name, SeriesDescription="薄层", **{**ODD, **attributes}) for name in names])


def normalise(hospital, *names: str) -> None:
    for name in names:
        assert hospital.services.normaliser.normalise_study(hospital.institution_code, study_uid(name))


def kept(hospital, table=NormalisedSeriesRow) -> list:
    with hospital.services.database.reading() as session:
        return list(session.scalars(select(table).order_by(table.id)))


def asked(keeper, method: str, path: str, status: int = 200, **arguments):
    answer = keeper.request(method, ROOT + path, **arguments)
    assert answer.status_code == status, answer.text
    return answer.json()


class TestBesideTheOriginal:
    def test_the_index_and_the_bytes_stay_and_again_changes_nothing(self, hospital):
        store(hospital, "odd", AccessionNumber="ＡＣＣ 1")
        services = hospital.services
        with services.database.reading() as session:
            instance = session.scalars(select(InstanceRow).order_by(InstanceRow.id.desc())).first()
            before = b"".join(services.blobs.read(services.blob_ref(instance)))
        normalise(hospital, "odd")
        first = [(row.id, row.code, row.field, row.since) for row in kept(hospital, FindingRow)]
        hospital.clock.forward(hours=1)
        normalise(hospital, "odd")
        assert [(row.id, row.code, row.field, row.since) for row in kept(hospital, FindingRow)] == first
        [row] = kept(hospital)
        assert (row.modality, row.body_part) == ("CT", "胸部")
        [study] = kept(hospital, NormalisedStudyRow)
        number = next(value for value in study.values if value["field"] == "accession_number")
        assert (number["raw"], number["value"], number["rule"]) == ("ＡＣＣ 1", "ACC1", "identifier.cleaned")
        with services.database.reading() as session:
            assert (
                session.scalars(select(SeriesRow.body_part_examined).order_by(SeriesRow.id.desc())).first() == "CHEST"
            )
        assert b"".join(services.blobs.read(services.blob_ref(instance))) == before

    def test_the_feed_owes_each_study_once_and_a_finding_goes_with_its_cause(self, hospital):
        services, now = hospital.services, hospital.clock()
        store(hospital, "odd", "odd2")
        with services.database.writing() as session:
            from datetime import timedelta

            assert owe_normalising(session, now, quiet=timedelta(0)) > 0
            assert owe_normalising(session, now, quiet=timedelta(0)) == 0
            owed = select(WorkRow.subject).where(WorkRow.kind == NORMALISE)
            assert {study_uid("odd"), study_uid("odd2")} <= set(session.scalars(owed))
        normalise(hospital, "odd")
        assert "body_part_contradicts" in {row.code for row in kept(hospital, FindingRow)}
        with services.database.writing() as session:
            session.execute(update(NormalisedStudyRow).values(version=0))
            session.execute(update(InstanceRow).values(blob_locator="nowhere", blob_digest="0" * 64))
        assert services.normaliser.normalise_waiting(hospital.institution_code) == 1
        assert [row.code for row in kept(hospital, FindingRow)] == ["unreadable"]

    def test_a_study_that_is_asked_for_again_meanwhile_stays_to_be_done(self, clinic, monkeypatch):
        store(clinic, "odd")
        normalise(clinic, "odd")
        services, code = clinic.services, clinic.institution_code

        def reading_while_asked(*arguments):
            with services.database.writing() as session:
                mark_all(session, code)
            return []

        monkeypatch.setattr("imaging_core.normalise.normaliser.read_procedure_names", reading_while_asked)
        normalise(clinic, "odd")
        with services.database.reading() as session:
            assert waiting(session, code) >= 1

    def test_a_new_version_of_the_rules_does_all_again_and_goes_on_after_it_was_stopped(self, clinic, monkeypatch):
        store(clinic, "a", "b", "c")
        normalise(clinic, "a", "b", "c")
        services, code = clinic.services, clinic.institution_code
        for module in ("upkeep", "normaliser"):
            monkeypatch.setattr(f"imaging_core.normalise.{module}.VERSION", values.VERSION + 1)
        with services.database.writing() as session:
            owe_renormalising(session, clinic.clock())
            assert session.scalars(select(WorkRow.kind).where(WorkRow.kind == RENORMALISE)).all() == [RENORMALISE]
        looks = iter([False, False, True])
        assert services.normaliser.normalise_waiting(code, stop=lambda: next(looks, True)) == 1
        assert services.normaliser.normalise_waiting(code) == 2
        with services.database.reading() as session:
            assert waiting(session, code) == 0


class TestDeviceRules:
    def test_tried_kept_applied_changed_and_put_back(self, clinic, keeper):
        store(clinic, "odd", "odd2")
        store(clinic, "other", StationName="CT-2")
        normalise(clinic, "odd", "odd2", "other")
        tried = asked(keeper, "POST", "/rules/try", json={"rule": BY_DESCRIPTION})
        assert (tried["matching"], tried["changing"]) == (2, 2)
        assert {(one["body_part_before"], one["body_part_after"]) for one in tried["examples"]} == {("胸部", "腰椎")}
        assert {row.body_part for row in kept(clinic)} == {"胸部"}

        saved = asked(keeper, "POST", "/rules", 201, json={"name": "CT-ODD 只写胸部", "rule": BY_DESCRIPTION})
        assert saved["studies"] == 2
        assert asked(keeper, "GET", "")["waiting"] == 2
        assert clinic.services.normaliser.normalise_waiting(clinic.institution_code) == 2
        assert [row.body_part for row in kept(clinic)] == ["腰椎", "腰椎", "胸部"]
        overview = asked(keeper, "GET", "")
        assert (overview["studies"], overview["waiting"]) == (3, 0)
        assert {(one["station_name"], one["series"], one["with_findings"]) for one in overview["devices"]} >= {
            ("CT-2", 1, 1)
        }

        key = saved["rule"]["rule_key"]
        fixed = {"matcher": {"station_name": "CT-ODD"}, "body_part_from": "fixed", "body_part": "颈椎"}
        body = {"name": "CT-ODD", "rule": fixed, "seen": 1}
        assert asked(keeper, "PUT", f"/rules/{key}", json=body)["rule"]["current"]["version"] == 2
        assert asked(keeper, "PUT", f"/rules/{key}", 409, json=body)["code"] == "rule_changed"
        back = asked(keeper, "POST", f"/rules/{key}/restore", json={"version": 1, "seen": 2})["rule"]
        assert (back["current"]["version"], back["current"]["rule"]["body_part_from"]) == (3, "description")
        off = {"name": "CT-ODD", "rule": BY_DESCRIPTION, "active": False, "seen": 3}
        assert asked(keeper, "PUT", f"/rules/{key}", json=off)["studies"] == 2
        clinic.services.normaliser.normalise_waiting(clinic.institution_code)
        assert {row.body_part for row in kept(clinic)} == {"胸部"}
        with clinic.services.database.reading() as session:
            actions = session.scalars(select(AuditEventRow.action)).all()
        assert actions.count("normalisation.rule_saved") == 4

    def test_a_rule_that_says_nothing_or_no_standard_word_is_refused_by_field(self, clinic, keeper):
        device = {"station_name": "X"}
        for rule, field in (
            ({"matcher": {}, "modality": "CT"}, "rule.matcher"),
            ({"matcher": device}, "rule.modality"),
            ({"matcher": device, "modality": "DX"}, "rule.modality"),
            ({"matcher": device, "body_part_from": "fixed"}, "rule.body_part"),
            ({"matcher": device, "body_part_from": "fixed", "body_part": "CHEST"}, "rule.body_part"),
            ({"matcher": device, "modality": "CT", "body_part": "胸部"}, "rule.body_part"),
            ({"matcher": {"station_name": "a\x00"}, "modality": "CT"}, "rule.matcher.station_name"),
        ):
            assert asked(keeper, "POST", "/rules", 422, json={"name": "x", "rule": rule})["field"] == field
        assert asked(keeper, "GET", "")["rules"] == []

    def test_a_rule_by_ae_title_is_for_what_that_ae_sent(self, clinic, keeper):
        from io import BytesIO

        from imaging_core.ingest import Channel, Origin

        content = ct_instance(study="sent", **ODD)
        origin = Origin(Channel.CSTORE, "ODDAE")
        clinic.services.ingestor.store_instance(
            BytesIO(content), institution_code=clinic.institution_code, origin=origin
        )
        store(clinic, "odd")
        normalise(clinic, "sent", "odd")
        rule = {"matcher": {"ae_title": "oddae"}, "modality": "DR"}
        tried = asked(keeper, "POST", "/rules/try", json={"rule": rule})
        assert [one["study_instance_uid"] for one in tried["examples"]] == [study_uid("sent")]


class TestLooking:
    def test_findings_by_kind_keep_personal_values_to_the_study(self, clinic, keeper):
        store(clinic, "odd", PatientSex="X")
        normalise(clinic, "odd")
        counts = {(one["code"], one["findings"]) for one in asked(keeper, "GET", "")["findings"]}
        assert {("sex_unknown", 1), ("body_part_contradicts", 1)} <= counts
        [finding] = asked(keeper, "GET", "/findings", params={"code": "sex_unknown"})["findings"]
        assert (finding["field"], finding["raw"]) == ("patient_sex", "")
        [finding] = asked(keeper, "GET", "/findings", params={"code": "body_part_contradicts"})["findings"]
        assert (finding["raw"], finding["proposal"], finding["series_instance_uid"]) == (
            "CHEST",
            "腰椎",
            series_uid("odd"),
        )
        [device] = [one["device_key"] for one in asked(keeper, "GET", "")["devices"] if one["station_name"] == "CT-ODD"]
        params = {"code": "body_part_contradicts", "device": device}
        assert asked(keeper, "GET", "/findings", params=params)["total"] == 1
        assert asked(keeper, "GET", "/findings", params={**params, "device": "0" * 32})["total"] == 0
        asked(keeper, "GET", "/findings", 422, params={"code": "nonsense"})

    def test_one_study_shows_received_normalised_and_rule_and_that_is_audited(self, clinic, keeper):
        instance = ct_instance(study="odd", SpecificCharacterSet="GB18030", patient_name="测试^患者")
        clinic.images([instance.replace(b"GB18030 ", b"ISO_IR 6")])
        normalise(clinic, "odd")
        shown = asked(keeper, "GET", f"/studies/{study_uid('odd')}")
        [name] = [value for value in shown["values"] if value["field"] == "patient_name"]
        assert (name["value"], name["rule"], name["version"]) == ("测试^患者", "charset.gb18030", 1)
        assert name["raw"] != name["value"]
        assert [(one["charset_declared"], one["charset_rule"]) for one in shown["series"]] == [("ISO_IR 6", "gb18030")]
        charsets = asked(keeper, "GET", "")["charsets"]
        assert {"declared": "ISO_IR 6", "rule": "gb18030", "series": 1} in charsets
        with clinic.services.database.reading() as session:
            viewed = select(AuditEventRow.object_id).where(AuditEventRow.action == "normalisation.study_viewed")
            assert session.scalars(viewed).all() == [study_uid("odd")]
        asked(keeper, "GET", "/studies/1.2.3", 404)
