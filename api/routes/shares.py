"""Sharing (分享): a link and QR that the patient passes on, the list of them, and taking one back."""

from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import Annotated

import segno
from fastapi import APIRouter, Path, Response

from api.audit.record import record
from api.auth.access import CurrentGrant, CurrentServices, actor_of, allow, own
from api.errors import Problem
from api.schemas.shares import ShareMade, ShareOut, ShareWish
from api.settings import Settings
from api.wiring import Services
from api.workflows.consent import require_consent
from api.workflows.first_screen import visible_study
from imaging_core.domain.grants import Grant, Right
from imaging_core.domain.identifiers import StudyInstanceUid
from imaging_core.sharing.codes import check_passcode, new_passcode
from imaging_core.sharing.links import IssuedLink
from imaging_core.sharing.shares import ListedShare, issue_share, revoke_share, shares_of

ShareId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of a patient's shares."""
    router = APIRouter(prefix="/api/patient", tags=["patient: shares"])

    @router.post("/shares", status_code=201, dependencies=allow(own(Right.SHARE)))
    def share(body: ShareWish, grant: CurrentGrant, services: CurrentServices) -> ShareMade:
        """Make a link to one study; the passcode is told once."""
        if body.expires_days > services.settings.sharing.longest_days:
            raise Problem(422, "share_too_long", longest_days=services.settings.sharing.longest_days)
        passcode = _passcode(body)
        issued = _issue(services, grant, body, services.code_hasher.hash(passcode) if passcode else None)
        assert issued.link.expires_at is not None  # noqa: S101  # it was asked for with an end
        address = f"{services.settings.base_url}/r#{issued.token}"
        return ShareMade(
            share_id=issued.link.link_id,
            link=address,
            qr=segno.make(address, error="m").svg_data_uri(border=2, scale=8),
            passcode=passcode,
            expires_at=issued.link.expires_at,
        )

    @router.get("/shares", dependencies=allow(own(Right.SHARE)))
    def shares(grant: CurrentGrant, services: CurrentServices) -> list[ShareOut]:
        """List the shares of all the patient's studies, newest first."""
        with services.database.reading() as session:
            return [_out(item) for item in shares_of(session, grant, services.clock())]

    @router.delete("/shares/{share}", status_code=204, dependencies=allow(own(Right.SHARE)))
    def revoke(share: ShareId, grant: CurrentGrant, services: CurrentServices) -> Response:
        """End a share and everything opened with it, at once; again changes nothing."""
        now = services.clock()
        with services.database.writing() as session:
            ended = revoke_share(session, grant, share, now)
            if ended is None:
                raise Problem(404, "not_found")
            if ended:
                record(session, actor_of(grant), "share.revoked", object_kind="link", object_id=share, now=now)
        return Response(status_code=204)

    return router


def _passcode(wish: ShareWish) -> str | None:
    if not wish.protected:
        return None
    if wish.passcode is None:
        return new_passcode()
    check_passcode(wish.passcode)
    return wish.passcode.strip()


def _issue(services: Services, grant: Grant, wish: ShareWish, passcode_hash: str | None) -> IssuedLink:
    now = services.clock()
    more = _more_rights(grant, wish)
    with services.database.writing() as session:
        study = visible_study(session, grant, StudyInstanceUid(wish.study), now)
        if Right.INTERPRET in more:
            require_consent(session, grant, "interpret")
        issued = issue_share(
            session,
            services.link_issuer,
            study,
            passcode_hash=passcode_hash,
            more=more,
            expires_at=now + timedelta(days=wish.expires_days),
            now=now,
        )
        detail = {"study": wish.study, "days": wish.expires_days, "protected": wish.protected, "more": sorted(more)}
        link_id = issued.link.link_id
        record(session, actor_of(grant), "share.created", object_kind="link", object_id=link_id, now=now, detail=detail)
    return issued


def _more_rights(grant: Grant, wish: ShareWish) -> AbstractSet[Right]:
    chosen = {Right.HISTORY: wish.with_history, Right.INTERPRET: wish.with_explanation}
    more = frozenset(right for right, wanted in chosen.items() if wanted)
    if not more <= grant.rights:  # nobody passes on more than they have
        raise Problem(403, "right_missing")
    return more


def _out(item: ListedShare) -> ShareOut:
    return ShareOut(
        share_id=item.share_id,
        study_instance_uid=item.study.study_instance_uid,
        study_date=item.study.study_date,
        modalities=item.study.modalities,
        description=item.study.study_description,
        state=item.state.value,
        protected=item.protected,
        with_history=Right.HISTORY in item.rights,
        with_explanation=Right.INTERPRET in item.rights,
        created_at=item.created_at,
        expires_at=item.expires_at,
        opened_count=item.opened_count,
        last_opened_at=item.last_opened_at,
    )
