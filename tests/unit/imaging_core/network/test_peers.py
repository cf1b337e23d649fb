"""Whom we know, by which way they may come, and what they may do."""

from ipaddress import ip_network

import pytest

from imaging_core.network.peers import Peer, Peers, Right

OURS, THEIRS = "12340000TEST000001", "12340000TEST000002"


def peer(ae_title: str = "CT1", **more) -> Peer:
    return Peer(**({"ae_title": ae_title, "institution_code": OURS} | more))


class TestAdmitted:
    @pytest.mark.parametrize("title", ["", "ct1", "CT", "CT1X", "CT1\\CT2"])
    def test_only_the_exact_title_is_known(self, title: str):
        assert Peers([peer()]).admit(title, "192.0.2.1", secure=False) is None

    def test_blanks_around_a_title_do_not_count(self):
        assert Peers([peer()]).admit(" CT1  ", "192.0.2.1", secure=False) is not None

    @pytest.mark.parametrize(
        ("address", "let_in"),
        [("192.0.2.7", True), ("::ffff:192.0.2.7", True), ("192.0.3.7", False), ("2001:db8::1", False), ("", False)],
    )
    def test_from_its_addresses_only(self, address: str, let_in: bool):
        known = Peers([peer(addresses=(ip_network("192.0.2.0/24"),))])
        assert (known.admit("CT1", address, secure=False) is not None) is let_in

    def test_who_wants_tls_is_not_let_in_without(self):
        known = Peers([peer(tls=True)])
        assert known.admit("CT1", "192.0.2.1", secure=False) is None
        assert known.admit("CT1", "192.0.2.1", secure=True) is not None


class TestDestination:
    def test_must_be_one_have_an_address_and_belong_to_the_same_institution(self):
        one = {"rights": frozenset({Right.DESTINATION}), "host": "192.0.2.9", "port": 104}
        known = Peers(
            [
                peer("GOOD", **one),
                peer("SENDER", host="192.0.2.9", port=104),
                peer("NOWHERE", rights=frozenset({Right.DESTINATION})),
                peer("THEIRS", **one | {"institution_code": THEIRS}),
            ]
        )
        asked = {title: known.destination(title, peer()) for title in ("GOOD", "SENDER", "NOWHERE", "THEIRS", "X")}
        assert [title for title, found in asked.items() if found] == ["GOOD"]
