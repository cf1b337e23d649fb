"""Metadata of instances, series and studies (PS3.18 10.4.1.1.2) as DICOM JSON."""

import gzip
import hashlib
from collections.abc import Sequence

import orjson

from api.routes.wado_accept import Offer, choose
from api.routes.wado_answers import ASK_AGAIN, Answer
from api.wiring import Services
from imaging_core.retrieve import Found

JSON = "application/dicom+json"
_OFFERS = (Offer(JSON, multipart=False), Offer("application/json", multipart=False))
_VARY = b"accept, accept-encoding, authorization"
_GZIP = [(b"content-encoding", b"gzip")]


def of_instance(services: Services, found: Found, accept: str) -> Answer:
    """Return the metadata of one instance; reads, so call it in a thread."""
    offer = choose(accept, _OFFERS)
    body = orjson.dumps([services.retrieval.metadata.instance(found)])
    return Answer(offer.media_type, [body], len(body), services.retrieval.metadata.name([found]), vary=_VARY)


def of_several(
    services: Services, institution_code: str, instances: Sequence[Found], accept: str, *, gzipped: bool
) -> Answer:
    """Return the metadata of a series or study, gzipped for clients that take it so; reads, so call it in a thread."""
    offer = choose(accept, _OFFERS)
    retrieval = services.retrieval
    series = retrieval.by_series(instances)
    packed = [retrieval.metadata.series_gz(institution_code, group) for group in series]
    names = "\n".join(retrieval.metadata.name(group) for group in series)
    etag = hashlib.sha256(names.encode()).hexdigest()[:40]
    if gzipped and len(packed) == 1:
        return Answer(offer.media_type, packed, len(packed[0]), f"{etag}-gzip", ASK_AGAIN, headers=_GZIP, vary=_VARY)
    # arrays are joined to one: each without its brackets
    body = b"[" + b",".join(gzip.decompress(part)[1:-1] for part in packed) + b"]"
    if gzipped:
        body = gzip.compress(body, compresslevel=1, mtime=0)
        return Answer(offer.media_type, [body], len(body), f"{etag}-gzip", ASK_AGAIN, headers=_GZIP, vary=_VARY)
    return Answer(offer.media_type, [body], len(body), etag, ASK_AGAIN, vary=_VARY)
