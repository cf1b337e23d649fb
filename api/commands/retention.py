"""Retention on the command line: holds, disposal plans, and the room of what was disposed of."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.accounts.passwords import password_matches
from api.accounts.roles import Role
from api.accounts.second_factor import take_code
from api.accounts.store import find_account, roles_of
from api.audit.record import Actor, record
from api.auth.access import account_actor
from api.commands.common import DataOption, JsonOption, fail, out, print_json, running_services, wrong_use
from api.processes.upkeep import UpkeepBusy
from api.wiring import Services
from api.workflows.retention import BytesStillWanted, policy_versions, run_plan
from api.workflows.retention import compact as compact_stores
from imaging_core.retention.errors import (
    HoldNotFound,
    NothingPastTerm,
    NothingToHold,
    PlanChanged,
    PlanClosed,
    PlanNotFound,
    RetentionError,
    SamePerson,
)
from imaging_core.retention.holds import open_holds, place_hold, release_hold
from imaging_core.retention.plans import approve_plan, find_plan, lines_of, make_plan
from imaging_core.retention.tables import (
    DisposalPlanRow,
    DisposedInstanceRow,
    DisposedStudyRow,
    HoldRow,
    PlannedStudyRow,
)
from imaging_core.retention.terms import PolicyInvalid

app = typer.Typer(no_args_is_help=True)

_PLAN = ("plan_key", "state", "as_of", "policy_version", "content_digest", "studies", "instances", "size")
_DECISION = ("made_by", "made_at", "decided_by", "decided_at", "decision_reason", "finished_at")
_LINE = (
    "study_instance_uid",
    "accession_number",
    "study_date",
    "keep_until",
    "counted_from",
    "years",
    "encounter_class",
    "reason",
    "policy_version",
    "instances",
    "instances_digest",
    "state",
    "dropped_because",
)
_HOLD = ("hold_key", "study_instance_uid", "patient_id", "reason", "placed_by", "placed_at")
_SENTENCES = {
    HoldNotFound: "there is no such hold, or it is released",
    NothingPastTerm: "no study is past its term, apart from what is held or in an open plan",
    NothingToHold: "no such study or patient is known here",
    PlanChanged: "the plan is not what you saw: look at it again",
    PlanNotFound: "there is no such plan",
    SamePerson: "another person must do this: nobody approves the own plan or releases the own hold",
}

PlanArgument = Annotated[str, typer.Argument(help="Key of the plan, as `list` names it.")]
ByOption = Annotated[
    str,
    typer.Option(
        "--by", help="Your own login; password and code are asked for, or taken from MINGYING_PASSWORD, MINGYING_CODE."
    ),
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it stays in the audit.")]


@app.command(epilog="Example: mingying retention plan --by wang.li --json")
def plan(by: ByOption, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Propose to dispose of all studies past their term (system administrator); nothing is deleted."""
    with running_services(data) as services, _sentences():
        actor = _person(services, by, Role.SYSTEM_ADMINISTRATOR)
        with services.database.writing() as session:
            row = make_plan(
                session,
                institution_code=actor.institution_code,
                versions=policy_versions(services),
                by=actor.actor_id,
                now=services.clock(),
            )
            _record(services, session, actor, "retention.plan_made", "disposal_plan", row.plan_key)
            found = _described(row, _PLAN)
    _tell(as_json, found, f"plan {found['plan_key']}: {found['studies']} studies, content {found['content_digest']}")


@app.command(epilog="Example: mingying retention approve 0123456789abcdef --content DIGEST --by li.na")
def approve(
    plan_key: PlanArgument,
    by: ByOption,
    content: Annotated[str, typer.Option("--content", help="The digest of what you saw, as `list --plan` names it.")],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve what another person proposed (security administrator)."""
    with running_services(data) as services, _sentences():
        actor = _person(services, by, Role.SECURITY_ADMINISTRATOR)
        with services.database.writing() as session:
            row = find_plan(session, actor.institution_code, plan_key)
            approve_plan(session, row, content_digest=content, by=actor.actor_id, now=services.clock())
            _record(services, session, actor, "retention.plan_approved", "disposal_plan", plan_key)
            found = _described(row, _PLAN)
    _tell(as_json, found, f"plan {plan_key} is approved: {found['studies']} studies may be disposed of")


@app.command(epilog="Example: mingying retention run 0123456789abcdef")
def run(plan_key: PlanArgument, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Carry out an approved plan, or go on with one that was cut off."""
    with running_services(data) as services, _sentences():
        run_plan(services, plan_key, _command_line(services))
        with services.database.reading() as session:
            row = session.scalars(select(DisposalPlanRow).where(DisposalPlanRow.plan_key == plan_key)).one()
            states = [line.state for line in lines_of(session, row)]
            found = _described(row, _PLAN) | {
                "disposed": states.count("disposed"),
                "dropped": states.count("dropped"),
            }
    _tell(as_json, found, f"plan {plan_key}: {found['disposed']} disposed of, {found['dropped']} kept after all")


@app.command(epilog="Example: mingying retention hold --study ACC0001 --reason 诉讼 --by wang.li")
def hold(
    by: ByOption,
    reason: ReasonOption,
    study: Annotated[str, typer.Option("--study", help="StudyInstanceUID.")] = "",
    patient: Annotated[str, typer.Option("--patient", help="The hospital's number of the patient.")] = "",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep a study, or all a patient has, whatever its term says, until another person releases it."""
    if bool(study) == bool(patient):
        wrong_use("name either --study or --patient")
    with running_services(data) as services, _sentences():
        actor = _person(services, by, Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR)
        with services.database.writing() as session:
            row = place_hold(
                session,
                institution_code=actor.institution_code,
                study_instance_uid=study or None,
                patient_id=patient or None,
                reason=reason,
                by=actor.actor_id,
                now=services.clock(),
            )
            _record(services, session, actor, "retention.held", "hold", row.hold_key)
            found = _described(row, _HOLD)
    _tell(as_json, found, f"hold {found['hold_key']} is in force")


@app.command(epilog="Example: mingying retention release 0123456789abcdef --reason 结案 --by li.na")
def release(
    hold_key: Annotated[str, typer.Argument(help="Key of the hold, as `list` names it.")],
    by: ByOption,
    reason: ReasonOption,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Release a hold that another person placed (security administrator)."""
    with running_services(data) as services, _sentences():
        actor = _person(services, by, Role.SECURITY_ADMINISTRATOR)
        with services.database.writing() as session:
            row = release_hold(
                session,
                institution_code=actor.institution_code,
                hold_key=hold_key,
                reason=reason,
                by=actor.actor_id,
                now=services.clock(),
            )
            _record(services, session, actor, "retention.released", "hold", hold_key)
            found = _described(row, (*_HOLD, "released_by", "released_at"))
    _tell(as_json, found, f"hold {hold_key} is released")


@app.command("list", epilog="Example: mingying retention list --plan 0123456789abcdef --json")
def listed(
    plan_key: Annotated[str, typer.Option("--plan", help="One plan with all its lines and tombstones.")] = "",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List plans and holds; or one plan with its lines and, once disposed of, the SHA-256 of every instance."""
    with running_services(data) as services, _sentences(), services.database.writing() as session:
        code = services.settings.hospital.institution_code
        if plan_key:
            row = find_plan(session, code, plan_key)
            lines = [_described(line, _LINE) for line in lines_of(session, row)]
            detail = {**_described(row, (*_PLAN, *_DECISION)), "lines": lines, "tombstones": _stones(session, plan_key)}
            _tell(as_json, detail, _sheet(detail))
            return
        newest = (
            select(DisposalPlanRow).where(DisposalPlanRow.institution_code == code).order_by(DisposalPlanRow.id.desc())
        )
        found = {
            "plans": [_described(row, (*_PLAN, *_DECISION)) for row in session.scalars(newest)],
            "holds": [_described(row, _HOLD) for row in open_holds(session, code)],
        }
    said = [f"plan {one['plan_key']} {one['state']}: {one['studies']} studies" for one in found["plans"]]
    said += [f"hold {one['hold_key']}: {one['reason']}" for one in found["holds"]]
    _tell(as_json, found, "\n".join(said) or "no plans, no holds")


@app.command(epilog="Example: mingying retention compact --share 0")
def compact(
    share: Annotated[
        float | None,
        typer.Option(
            "--share",
            min=0,
            max=1,
            help="Rewrite segments of which at least so much is disposed of.",
            show_default=False,
        ),
    ] = None,
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Delete what is replaced now; only while no service runs.")
    ] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give the room of what was disposed of back to the disk; the worker does so every night."""
    with running_services(data) as services, _sentences():
        done = compact_stores(services, share=share, kept=timedelta(0) if at_once else None)
    said = f"{done.rewritten} segments rewritten, {done.deleted} deleted, {done.freed_bytes} bytes freed"
    _tell(as_json, asdict(done), said)
    if done.damaged:
        fail(f"left as they are, for they are damaged: {', '.join(done.damaged)}")


def _person(services: Services, login: str, *roles: Role) -> Actor:
    """Return who acts, once password and second factor prove it; a shared shell is nobody."""
    with services.database.reading() as session:
        account = find_account(session, services.settings.hospital.institution_code, login)
    password = os.environ.get("MINGYING_PASSWORD") or typer.prompt("password", hide_input=True, err=True)
    if not password_matches(account.password_hash if account else None, password) or account is None:
        fail("login or password is wrong")
    if account.disabled_at is not None or not roles_of(account) & set(roles):
        fail(f"this needs the role {' or '.join(roles)}")
    if account.password_is_initial or account.second_factor is None:
        fail("sign in once on the page first: your own password and second factor are missing")
    code = os.environ.get("MINGYING_CODE") or typer.prompt("code", hide_input=True, err=True)
    sealed, now = account.second_factor, services.clock()
    if not take_code(services.redis, services.cipher, sealed, code, account_id=account.id, now=now):
        fail("the code is wrong or was used already")
    return account_actor(account.id, account.institution_code)


def _command_line(services: Services) -> Actor:
    return Actor("system", "command line", services.settings.hospital.institution_code)


def _record(services: Services, session: Session, actor: Actor, action: str, kind: str, key: str) -> None:
    record(session, actor, action, object_kind=kind, object_id=key, now=services.clock())


def _described(row: DisposalPlanRow | PlannedStudyRow | HoldRow, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _stones(session: Session, plan_key: str) -> list[dict[str, Any]]:
    stones = session.scalars(select(DisposedStudyRow).where(DisposedStudyRow.plan_key == plan_key)).all()
    return [
        {
            "study_instance_uid": stone.study_instance_uid,
            "disposed_at": stone.disposed_at,
            "approved_by": stone.approved_by,
            "instances": [
                {"sop_instance_uid": row.sop_instance_uid, "sha256": row.sha256, "size": row.size}
                for row in session.scalars(
                    select(DisposedInstanceRow).where(DisposedInstanceRow.disposed_study_id == stone.id)
                )
            ],
        }
        for stone in stones
    ]


def _sheet(plan: dict[str, Any]) -> str:
    lines = [
        f"  {line['study_instance_uid']} {line['accession_number']}: kept until {line['keep_until']}"
        f" ({line['years']} years from {line['counted_from']}, policy {line['policy_version']})"
        f" {line['dropped_because'] or line['state']}"
        for line in plan["lines"]
    ]
    return "\n".join([f"plan {plan['plan_key']} {plan['state']}, content {plan['content_digest']}", *lines])


def _tell(as_json: bool, value: dict[str, Any], sentence: str) -> None:
    if as_json:
        print_json(value)
    else:
        out.print(sentence, markup=False)


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except PlanClosed as error:
        fail(f"the plan is {error.state}")
    except RetentionError as error:
        fail(_SENTENCES[type(error)])
    except (UpkeepBusy, PolicyInvalid) as error:
        fail(str(error))
    except BytesStillWanted:
        fail("everything is disposed of but bytes that came again a moment ago: run it again in an hour")
