"""数据规整 for system administrators: devices and rules about them, findings by kind, one study in detail."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.accounts.roles import Role
from api.accounts.sessions import Staff
from api.accounts.tables import AccountRow
from api.audit.record import record
from api.auth.access import CurrentServices, CurrentStaff, allow, staff, staff_actor
from api.errors import Problem
from api.schemas import admin_normalisation as schema
from api.settings import Settings
from api.wiring import Services
from api.workflows.normalise_studies import owe_renormalising
from imaging_core.coding.vocabulary import vocabulary
from imaging_core.normalise import reading
from imaging_core.normalise.devices import BodyPartFrom, DeviceRule
from imaging_core.normalise.errors import RuleChanged, RuleNotFound
from imaging_core.normalise.rules import newest_versions, rule_of, save_rule, try_rule, versions
from imaging_core.normalise.tables import DeviceRuleRow, FindingRow
from imaging_core.normalise.values import VERSION, FindingCode

_KEEPS = allow(staff(Role.SYSTEM_ADMINISTRATOR))
_DEVICES = 300
_FINDINGS = 200
_EXAMPLES = 20
_PERSONAL = "patient_"

RuleKey = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of normalising for administrators."""
    router = APIRouter(prefix="/api/admin/normalisation", tags=["admin: normalisation"])

    @router.get("", dependencies=_KEEPS)
    def overview(services: CurrentServices) -> schema.Overview:
        """Tell how far normalising is, what it found, which devices there are and which rules about them."""
        with services.database.reading() as session:
            return _overview(session, _code(services))

    @router.get("/findings", dependencies=_KEEPS)
    def findings(
        services: CurrentServices,
        code: FindingCode,
        device: Annotated[str | None, Query(pattern=r"^[0-9a-f]{32}$")] = None,
    ) -> schema.FindingList:
        """List the newest findings of a kind, of one device when asked so; personal values stay in the study."""
        with services.database.reading() as session:
            total, found = reading.findings(session, _code(services), code=code, device_key=device, limit=_FINDINGS)
        shown = [_finding(one.row, one.study_instance_uid, personal=False) for one in found]
        return schema.FindingList(total=total, findings=shown)

    @router.get("/studies/{study}", dependencies=_KEEPS)
    def study(
        study: Annotated[str, Path(max_length=64)], services: CurrentServices, who: CurrentStaff
    ) -> schema.StudyOut:
        """Show what devices wrote into one study, what it was taken for and why."""
        with services.database.writing() as session:
            shown = _study(session, _code(services), study)
            if shown is None:
                raise Problem(404, "not_found")
            record(
                session,
                staff_actor(who),
                "normalisation.study_viewed",
                object_kind="study",
                object_id=study,
                now=services.clock(),
            )
        return shown

    @router.post("/rules/try", dependencies=_KEEPS)
    def trial(body: schema.TryRule, services: CurrentServices) -> schema.TrialOut:
        """Say what a rule would change in what is there; nothing is kept."""
        rule = _checked(body.rule, body.rule_key)
        with services.database.reading() as session:
            found = try_rule(session, _code(services), rule)
        examples = [
            schema.ChangeOut(
                study_instance_uid=one.study_instance_uid,
                series_instance_uid=one.series_instance_uid,
                modality_before=one.modality[0],
                modality_after=one.modality[1],
                body_part_before=one.body_part[0],
                body_part_after=one.body_part[1],
            )
            for one in found.changes[:_EXAMPLES]
        ]
        return schema.TrialOut(
            matching=found.matching, looked_at=found.looked_at, changing=len(found.changes), examples=examples
        )

    @router.post("/rules", dependencies=_KEEPS, status_code=201)
    def add(body: schema.SaveRule, services: CurrentServices, who: CurrentStaff) -> schema.RuleSaved:
        """Keep a new rule and let it hold: the studies of its devices are normalised again."""
        rule = _checked(body.rule)
        return _save(services, who, rule, name=body.name, active=body.active, seen=0)

    @router.put("/rules/{rule}", dependencies=_KEEPS)
    def change(rule: RuleKey, body: schema.SaveRule, services: CurrentServices, who: CurrentStaff) -> schema.RuleSaved:
        """Keep a new version of a rule, or switch it off or on."""
        return _save(services, who, _checked(body.rule, rule), name=body.name, active=body.active, seen=body.seen)

    @router.post("/rules/{rule}/restore", dependencies=_KEEPS)
    def restore(
        rule: RuleKey, body: schema.RestoreRule, services: CurrentServices, who: CurrentStaff
    ) -> schema.RuleSaved:
        """Let an older version of a rule hold again, as a new version."""
        with services.database.reading() as session:
            kept = {row.version: row for row in _versions(session, _code(services), rule)}
        older = kept.get(body.version)
        if older is None:
            raise Problem(404, "not_found")
        return _save(services, who, rule_of(older), name=older.name, active=older.active, seen=body.seen)

    return router


def _code(services: Services) -> str:
    return services.settings.hospital.institution_code


def _checked(body: schema.RuleIn, key: str = "") -> DeviceRule:
    """Return a rule that names a device, changes something, and speaks the standard vocabulary."""
    known, rule = vocabulary(), body.rule(key)
    if not rule.matcher.given():
        raise Problem(422, "rule_without_device", field="rule.matcher")
    if not rule.modality and rule.body_part_from is BodyPartFrom.DEVICE:
        raise Problem(422, "rule_without_effect", field="rule.modality")
    if rule.modality and rule.modality not in known.modalities:
        raise Problem(422, "not_in_vocabulary", field="rule.modality")
    wants_part = rule.body_part_from is BodyPartFrom.FIXED
    if wants_part != bool(rule.body_part) or (wants_part and rule.body_part not in known.parts):
        raise Problem(422, "not_in_vocabulary", field="rule.body_part")
    return rule


def _save(services: Services, who: Staff, rule: DeviceRule, *, name: str, active: bool, seen: int) -> schema.RuleSaved:
    now, code = services.clock(), _code(services)
    with services.database.writing() as session:
        try:
            row, studies = save_rule(
                session, code, rule, name=name, active=active, seen=seen, by=who.account_id, now=now
            )
        except RuleNotFound:
            raise Problem(404, "not_found") from None
        except RuleChanged as error:
            raise Problem(409, "rule_changed", version=error.version) from None
        if studies:
            owe_renormalising(session, now)
        record(
            session,
            staff_actor(who),
            "normalisation.rule_saved",
            object_kind="device_rule",
            object_id=row.rule_key,
            now=now,
            detail={"version": row.version, "active": row.active, "rule": row.rule, "studies": studies},
        )
        kept = _rule_out(session, _versions(session, code, row.rule_key))
    return schema.RuleSaved(rule=kept, studies=studies)


def _versions(session: Session, code: str, rule_key: str) -> Sequence[DeviceRuleRow]:
    try:
        return versions(session, code, rule_key)
    except RuleNotFound:
        raise Problem(404, "not_found") from None


def _overview(session: Session, code: str) -> schema.Overview:
    how_far, known = reading.progress(session, code), vocabulary()
    keys = [row.rule_key for row in newest_versions(session, code)]
    return schema.Overview(
        studies=how_far.studies,
        waiting=how_far.waiting,
        findings=[schema.FindingCountOut.model_validate(one) for one in reading.finding_counts(session, code)],
        charsets=[schema.CharsetOut.model_validate(one) for one in reading.charset_uses(session, code)],
        devices=[_device(one) for one in reading.device_uses(session, code, limit=_DEVICES)],
        rules=[_rule_out(session, versions(session, code, key)) for key in keys],
        modalities=list(known.modalities),
        body_parts=list(known.parts),
    )


def _device(use: reading.DeviceUse) -> schema.DeviceOut:
    row = use.row
    return schema.DeviceOut(
        device_key=row.device_key,
        station_name=row.station_name,
        manufacturer=row.manufacturer,
        model_name=row.model_name,
        serial_number=row.serial_number,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        series=use.series,
        with_findings=use.with_findings,
    )


def _rule_out(session: Session, rows: Sequence[DeviceRuleRow]) -> schema.RuleOut:
    who = {row.created_by for row in rows}
    names = dict(session.execute(select(AccountRow.id, AccountRow.name).where(AccountRow.id.in_(who))).all())
    newest_first = [
        schema.RuleVersion(
            version=row.version,
            name=row.name,
            active=row.active,
            rule=schema.RuleIn.model_validate(row.rule),
            created_at=row.created_at,
            created_by=names.get(row.created_by, ""),
        )
        for row in reversed(rows)
    ]
    return schema.RuleOut(rule_key=rows[0].rule_key, current=newest_first[0], earlier=newest_first[1:])


def _finding(row: FindingRow, study: str, *, personal: bool) -> schema.FindingOut:
    hidden = row.field.startswith(_PERSONAL) and not personal
    return schema.FindingOut(
        code=row.code,
        severity=row.severity,
        field=row.field,
        raw="" if hidden else row.raw,
        proposal="" if hidden else row.proposal,
        series_instance_uid=row.series_instance_uid,
        study_instance_uid=study,
        since=row.since,
    )


def _study(session: Session, code: str, uid: str) -> schema.StudyOut | None:
    row = reading.normalised_study(session, code, uid)
    if row is None or row.normalised_at is None:
        return None
    return schema.StudyOut(
        study_instance_uid=uid,
        normalised_at=row.normalised_at,
        waiting=row.version < VERSION,
        modalities=row.modalities,
        body_parts=row.body_parts,
        values=[schema.ValueOut(**value) for value in row.values],
        series=[
            schema.SeriesOut(
                series_instance_uid=one.series_instance_uid,
                device_key=one.device_key,
                ae_title=one.ae_title,
                charset_declared=one.charset_declared,
                charset_rule=one.charset_rule,
                values=[schema.ValueOut(**value) for value in one.values],
            )
            for one in reading.series_of(session, row)
        ],
        findings=[_finding(one, uid, personal=True) for one in reading.findings_of(session, row)],
    )
