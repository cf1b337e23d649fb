"""The rendering child: decodes foreign pixels where a poisoned file can do no harm.

It is given bytes over a pipe and gives frames back. It has no database, no store, no credentials and no wish to
write files; memory is limited, time is watched from outside. Run as `python -m imaging_core.derive.child`.
"""

import sys
from typing import Any, BinaryIO

from imaging_core.derive.encoding import encode_lossless, encode_preview, encode_thumbnail
from imaging_core.derive.limited import limit_resources, own_pipe
from imaging_core.derive.protocol import Message, receive, send
from imaging_core.dicom.documents import Form, shown_document
from imaging_core.dicom.frames import Dataset, DecodedFrame, decode_frames, has_pixels, number_of_frames, open_dataset
from imaging_core.dicom.key_objects import pointed_out
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.metadata import viewer_metadata
from imaging_core.dicom.position import slice_position
from imaging_core.dicom.presentation import presentation_of
from imaging_core.dicom.rendition import Rendition, rendered
from imaging_core.dicom.transcoding import transcoded_frames, transcoded_instance
from imaging_core.dicom.voi import Window, to_picture, with_overlays
from imaging_core.errors import PixelsNotReadable, SlabNotPossible
from imaging_core.volume.service import packed
from imaging_core.volume.task import SlabMaker


def main() -> None:
    """Serve instances until the other side closes the pipe."""
    memory_bytes = int(sys.argv[1])
    answers, slabs = own_pipe(), SlabMaker()
    limit_resources(memory_bytes)
    send(answers, {"kind": "ready"})
    while (request := receive(sys.stdin.buffer)) is not None:
        try:
            end = _do(request, answers, slabs)
        except (PixelsNotReadable, SlabNotPossible) as error:
            end = {"reason_code": error.reason_code, "reason": str(error)}
        except MemoryError:
            end = {"reason_code": "out_of_memory", "reason": "rendering needs more memory than allowed"}
        send(answers, {"kind": "end"} | end)


def _do(request: Message, answers: BinaryIO, slabs: SlabMaker) -> dict[str, Any]:
    content, syntax, task = request.payloads[0], request.head["transfer_syntax_uid"], request.head.get("task")
    if task is None:
        return render_instance(content, syntax, answers)
    if task["kind"] == "slab":
        send(answers, {"kind": "slab"}, packed(*slabs.make(task["pack"], task["wish"])))
        return {}
    if task["kind"] == "document":
        send(answers, {"kind": "document"}, [shown_document(content, syntax, Form(task["form"]), task["page"])])
        return {}
    dataset, limits = open_dataset(content, syntax), Limits()
    if task["kind"] == "presentation":
        send(answers, {"kind": "presentation", "presentation": presentation_of(dataset)})
        return {}
    if task["kind"] == "frames":
        for frame in transcoded_frames(dataset, task["numbers"], task["transfer_syntax_uid"], limits):
            send(answers, {"kind": "frame"}, [frame])
    elif task["kind"] == "instance":
        send(answers, {"kind": "instance"}, [transcoded_instance(dataset, task["transfer_syntax_uid"], limits)])
    else:
        window = task["wish"].pop("window")
        wish = Rendition(**task["wish"], window=Window(**window) if window else None)
        send(answers, {"kind": "picture"}, [rendered(dataset, wish, limits, task.get("presentation"))])
    return {}


def render_instance(content: bytes, transfer_syntax_uid: str, answers: BinaryIO) -> dict[str, Any]:
    """Send every frame of one instance and return what the last message says.

    Raises:
        PixelsNotReadable: The data set cannot be parsed at all.
    """
    dataset = open_dataset(content, transfer_syntax_uid)
    limits = Limits()
    end: dict[str, Any] = {
        "frames": number_of_frames(dataset),
        "position": slice_position(dataset),
        "points_out": pointed_out(dataset),
        "presentation": presentation_of(dataset),
    }
    last: DecodedFrame | None = None
    if has_pixels(dataset):
        try:
            for frame in decode_frames(dataset, limits):
                if isinstance(frame, DecodedFrame):
                    last = frame
                _send_frame(frame, dataset, answers)
        except PixelsNotReadable as error:
            end |= {"reason_code": error.reason_code, "reason": str(error)}
    end["metadata"] = viewer_metadata(
        dataset,
        pixels=last.pixels if last else None,
        photometric_interpretation=last.photometric_interpretation if last else "",
    )
    return end


def _send_frame(frame: DecodedFrame | tuple[int, PixelsNotReadable], dataset: Dataset, answers: BinaryIO) -> None:
    if not isinstance(frame, DecodedFrame):
        _send_failure(answers, frame[0], frame[1])
        return
    try:
        codestream = encode_lossless(frame.pixels, rgb=frame.photometric_interpretation == "RGB")
    except PixelsNotReadable as error:
        _send_failure(answers, frame.frame_index, error)
        return
    preview = thumbnail = b""
    try:
        picture = with_overlays(to_picture(frame, dataset), frame, dataset)
        thumbnail = encode_thumbnail(picture)
        preview = encode_preview(picture)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  # a nonsensical lookup table must not cost the lossless frame
        reason = f"no preview can be made: {type(error).__name__}"
        head = {"kind": "frame", "frame_index": frame.frame_index, "reason_code": "no_preview", "reason": reason}
        send(answers, head, [codestream, b"", b""])
        return
    send(answers, {"kind": "frame", "frame_index": frame.frame_index}, [codestream, preview, thumbnail])


def _send_failure(answers: BinaryIO, frame_index: int, error: PixelsNotReadable) -> None:
    head = {"kind": "failed", "frame_index": frame_index, "reason_code": error.reason_code, "reason": str(error)}
    send(answers, head)


if __name__ == "__main__":
    main()
