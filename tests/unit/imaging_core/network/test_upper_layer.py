"""Reading and writing of PDUs and command sets, with pynetdicom as the other opinion; and whatever strangers send."""

import tracemalloc
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pynetdicom import build_context, sop_class
from pynetdicom.dimse_messages import C_STORE_RQ, C_STORE_RSP
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
)

from imaging_core.dicom.writing import file_meta
from imaging_core.network.storage.dimse import Command, parse_command, response
from imaging_core.network.storage.negotiation import VERIFICATION, answer_contexts, answer_roles, is_ours, is_storage
from imaging_core.network.storage.pdu import (
    AbortReason,
    AssociateRequest,
    ProposedContext,
    ProtocolError,
    Role,
    abort,
    associate_accept,
    associate_reject,
    command_pdus,
    parse_associate_request,
)
from tests.builders.upper_layer import (
    ABORT,
    CT,
    FIND,
    RELEASE_RQ,
    associate,
    command,
    context,
    data,
    echo,
    item,
    pdu,
    pdv,
    store,
    store_command,
)
from tests.fuzz.upper_layer import receive

uids = st.lists(st.integers(0, 99_999), min_size=2, max_size=9).map(lambda parts: "1." + ".".join(map(str, parts)))
contexts = st.lists(
    st.tuples(st.integers(0, 127), uids, st.lists(uids, min_size=1, max_size=4, unique=True)),
    min_size=1,
    max_size=8,
    unique_by=lambda proposed: proposed[0],
)
titles = st.text("ABCXYZ019_ ", min_size=1, max_size=16).map(str.strip).filter(bool)


def by_pynetdicom(proposed: Any, called: str, calling: str, max_length: int, roles: dict[str, bool]) -> bytes:
    primitive = A_ASSOCIATE()
    primitive.application_context_name = "1.2.840.10008.3.1.1.1"
    primitive.called_ae_title, primitive.calling_ae_title = called, calling
    built = []
    for number, abstract, transfers in proposed:
        built.append(build_context(abstract, transfers))
        built[-1].context_id = 2 * number + 1
    primitive.presentation_context_definition_list = built
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received, implementation.implementation_class_uid = max_length, "1.2.3"
    primitive.user_information = [length, implementation]
    for uid, scp in roles.items():
        role = SCP_SCU_RoleSelectionNegotiation()
        role.sop_class_uid, role.scu_role, role.scp_role = uid, True, scp
        primitive.user_information.append(role)
    encoded = A_ASSOCIATE_RQ()
    encoded.from_primitive(primitive)
    return bytes(encoded.encode())


class TestAssociation:
    @settings(max_examples=60, deadline=None)
    @given(contexts, titles, titles, st.integers(0, 2**32 - 1), st.dictionaries(uids, st.booleans(), max_size=3))
    def test_both_read_the_same_request_and_the_same_answer(
        self, proposed: Any, called: str, calling: str, max_length: int, roles: dict[str, bool]
    ):
        request = parse_associate_request(by_pynetdicom(proposed, called, calling, max_length, roles)[6:])
        assert request.contexts == tuple(
            ProposedContext(2 * number + 1, abstract, tuple(transfers)) for number, abstract, transfers in proposed
        )
        assert (request.called_ae_title, request.calling_ae_title) == (called, calling)
        assert (request.max_length, request.protocol_version) == (max_length, 1)
        assert request.roles == tuple(Role(uid, scu=True, scp=scp) for uid, scp in roles.items())
        answers = answer_contexts(request)
        encoded = associate_accept(
            request, answers, answer_roles(request), implementation_class_uid="2.25.1", implementation_version="TEST"
        )
        read = A_ASSOCIATE_AC()
        read.decode(encoded)
        assert [(part.context_id, part.result, str(part.transfer_syntax)) for part in read.presentation_context] == [
            (answer.context_id, answer.result, answer.transfer_syntax) for answer in answers
        ]
        assert (read.reserved_aet.strip(), read.reserved_aec.strip()) == (called, calling)
        assert read.user_information.maximum_length == 0
        assert {str(uid): bool(role.scp_role) for uid, role in read.user_information.role_selection.items()} == (
            dict.fromkeys(roles, False)
        )

    @pytest.mark.parametrize("triple", [(1, 1, 2), (1, 1, 3), (1, 2, 2), (2, 3, 2)])
    def test_rejections_are_understood(self, triple: tuple[int, int, int]):
        read = A_ASSOCIATE_RJ()
        read.decode(associate_reject(*triple))
        assert (read.result, read.source, read.reason_diagnostic) == triple

    @pytest.mark.parametrize("reason", list(AbortReason))
    def test_aborts_are_understood(self, reason: AbortReason):
        read = A_ABORT_RQ()
        read.decode(abort(by_provider=True, reason=reason))
        assert (read.source, read.reason_diagnostic) == (2, reason)
        read.decode(abort(by_provider=False))
        assert read.source == 0

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=300))
    @example(associate()[6:-1])
    def test_any_bytes_are_a_request_or_refused(self, body: bytes):
        with suppress(ProtocolError):
            assert isinstance(parse_associate_request(body), AssociateRequest)


class TestWhatIsOurs:
    def test_is_what_pynetdicom_counts_as_storage(self):
        for kind in [name for name in dir(sop_class) if name.startswith("_") and name.endswith("_CLASSES")]:
            if kind not in ("_SERVICE_CLASSES", "_STORAGE_CLASSES"):
                assert not [uid for uid in getattr(sop_class, kind).values() if is_storage(str(uid))], kind
        assert all(is_storage(str(uid)) for uid in sop_class._STORAGE_CLASSES.values())

    @pytest.mark.parametrize(
        ("request_", "ours"),
        [
            (associate(), True),
            (associate(context(1, "1.2.826.0.1.3680043.99.1")), True),
            (associate(context(1, CT), context(3, FIND)), False),
            (associate(context(1, VERIFICATION), context(3, "1.2.840.10008.1.20.1")), False),
            (associate(context(1, CT), more=item(0x54, b"\0\3" + b"1.2" + b"\1\0")), True),
            (associate(context(1, CT), more=item(0x54, b"\0\3" + b"1.2" + b"\0\1")), False),
        ],
        ids=range(6),
    )
    def test_is_storage_and_verification_with_us_as_provider(self, request_: bytes, ours: bool):
        assert is_ours(parse_associate_request(request_[6:])) is ours


class TestCommands:
    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 65535), uids, uids)
    def test_both_read_the_same_request(self, message_id: int, sop_class_uid: str, sop_instance_uid: str):
        primitive, message = C_STORE(), C_STORE_RQ()
        primitive.MessageID, primitive.Priority = message_id, 2
        primitive.AffectedSOPClassUID, primitive.AffectedSOPInstanceUID = sop_class_uid, sop_instance_uid
        primitive.DataSet = BytesIO(b"data")
        message.primitive_to_message(primitive)
        encoded = message.encode_msg(1, 0)
        fragment = next(iter(encoded)).presentation_data_value_list[0][1]
        assert parse_command(bytes(fragment[1:])) == Command(1, message_id, True, sop_class_uid, sop_instance_uid)

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 65535), uids, uids, st.sampled_from([0, 0xA700, 0xC000, 0x0110]), st.integers(0, 60))
    def test_both_read_the_same_response(
        self, message_id: int, sop_class_uid: str, sop_instance_uid: str, status: int, max_length: int
    ):
        asked = Command(1, message_id, True, sop_class_uid, sop_instance_uid)
        sent, joined = command_pdus(5, response(asked, status), max_length), b""
        while sent:
            length = int.from_bytes(sent[2:6], "big")
            assert max_length < 8 or length <= max_length
            assert sent[10] == 5
            joined, sent = joined + sent[12 : 6 + length], sent[6 + length :]
        read = C_STORE_RSP()
        read.command_set = _decoded(joined)
        assert read.command_set.Status == status
        assert read.command_set.MessageIDBeingRespondedTo == message_id
        assert (read.command_set.AffectedSOPClassUID, read.command_set.AffectedSOPInstanceUID) == (
            sop_class_uid,
            sop_instance_uid,
        )
        assert read.command_set.CommandGroupLength == len(joined) - 12

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=120))
    @example(store_command()[:-1])
    def test_any_bytes_are_a_command_or_refused(self, sent: bytes):
        with suppress(ProtocolError):
            assert isinstance(parse_command(sent), Command)


def _decoded(command_set: bytes) -> Any:
    from pynetdicom.dsutils import decode

    return decode(BytesIO(command_set), is_implicit_vr=True, is_little_endian=True)


@settings(max_examples=40, deadline=None)
@given(uids, uids, uids)
def test_our_file_header_is_as_pydicom_writes_it(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str):
    from pydicom import dcmread
    from pydicom.filewriter import write_file_meta_info

    ours = file_meta(
        sop_class_uid=sop_class_uid, sop_instance_uid=sop_instance_uid, transfer_syntax_uid=transfer_syntax_uid
    )
    read = dcmread(BytesIO(ours)).file_meta
    again = BytesIO()
    write_file_meta_info(again, read, enforce_standard=True)
    assert ours == b"\0" * 128 + b"DICM" + again.getvalue()
    assert (read.MediaStorageSOPInstanceUID, read.TransferSyntaxUID) == (sop_instance_uid, transfer_syntax_uid)


good_pieces = st.sampled_from(
    [
        associate(),
        associate(context(1, FIND)),
        echo(),
        store(bytes(3000), piece=900),
        store(bytes(6000)),
        data(pdv(1, store_command(), is_command=True)),
        data(pdv(1, command(0x0020, data_set=True), is_command=True)),
        data(pdv(1, b"half", last=False)),
        RELEASE_RQ,
        ABORT,
        pdu(9, b""),
    ]
)
any_pieces = st.one_of(good_pieces, st.binary(max_size=30))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    sent = bytearray(associate() + b"".join(draw(st.lists(any_pieces, max_size=5))))
    for _ in range(draw(st.integers(0, 4))):
        where = draw(st.integers(0, len(sent) - 1))
        sent[where : where + draw(st.integers(0, 3))] = draw(st.binary(max_size=4))
        sent = sent or bytearray(b"\0")
    return bytes(sent)


class TestStrangers:
    @settings(max_examples=300, deadline=None)
    @given(mutated(), st.sampled_from([1 << 30, 7, 100]))
    @example(associate() + store(bytes(3000)) + RELEASE_RQ, 1)
    def test_whatever_they_send_is_answered_within_the_protocol(self, sent: bytes, step: int):
        receive(sent, step=step)

    def test_what_is_well_sent_is_stored(self):
        connection, handed_on, stored = receive(associate() + store(b"d" * 3000) + echo() + RELEASE_RQ)
        assert handed_on is None
        assert [content[-3000:] for content in stored] == [b"d" * 3000]
        assert bytes(connection.sent).endswith(bytes.fromhex("06000000000400000000"))

    def test_what_is_not_ours_is_handed_on_with_every_byte(self):
        asked = associate(context(1, FIND))
        handed_on = receive(asked + b"and what follows", step=5)[1]
        assert handed_on is not None
        assert handed_on.startswith(asked)

    def test_a_declared_length_costs_nothing(self):
        huge = (
            associate() + data(pdv(1, store_command(), is_command=True)) + b"\4\0\xff\xff\xff\xff\xff\xff\xff\xf0\1\0"
        )
        receive(huge)
        tracemalloc.start()
        try:
            receive(huge + bytes(1000))
            assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
        finally:
            tracemalloc.stop()
