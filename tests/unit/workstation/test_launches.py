"""Which addresses wake the panel."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workstation.launches import NotALaunch, address_in, launch_address, origin_of

pytestmark = pytest.mark.clause("R2.2")

SERVER = "https://imaging.hospital.test"
TOKEN = "nvIGwGSTdTmtMPLKEebvpA.1772413320.Pp58afmM4w-g2Q3HU3lz9un_GJl"
GOOD = f"{SERVER}/plugin#{TOKEN}"


class TestLaunchAddress:
    @pytest.mark.parametrize("server", [SERVER, f"{SERVER}/", f"{SERVER}:443", "HTTPS://Imaging.Hospital.test"])
    def test_of_the_configured_server_is_opened_unchanged(self, server):
        assert launch_address(GOOD, server) == GOOD

    @pytest.mark.parametrize(
        "wrong",
        [
            "",
            "plugin",
            "javascript:alert(1)//" + GOOD,
            "file:///etc/passwd#" + TOKEN,
            GOOD.replace("https", "http"),
            GOOD.replace(".test", ".test.evil.test"),
            GOOD.replace(".test/", ".test:8443/"),
            GOOD.replace("https://", "https://imaging.hospital.test@evil.test/"),
            GOOD.replace("https://", "https://user@"),
            GOOD.replace("/plugin", "/plugin/open/AAAAAAAAAAAAAAAAAAAAAAA"),
            GOOD.replace("/plugin", "/plugin/../admin"),
            GOOD.replace("/plugin", "/%70lugin"),
            GOOD.replace("/plugin", "\\plugin"),
            GOOD.replace("#", "?next=https://evil.test#"),
            GOOD.partition("#")[0],
            GOOD.partition("#")[0] + "#short",
            GOOD + "/../..",
            GOOD + "\n",
            " " + GOOD,
            "https://[::1/plugin#" + TOKEN,
            "https://imaging.hospital.test:port/plugin#" + TOKEN,
        ],
    )
    def test_anything_else_is_refused(self, wrong):
        with pytest.raises(NotALaunch):
            launch_address(wrong, SERVER)

    @given(st.text(max_size=300))
    def test_whatever_is_accepted_is_of_the_server(self, text):
        for tried in (text, SERVER + text, f"{SERVER}/plugin{text}", f"{SERVER}/plugin#{text}"):
            try:
                address = launch_address(tried, SERVER)
            except NotALaunch:
                continue
            assert address.startswith(f"{SERVER}/plugin#")
            assert origin_of(address) == ("https", "imaging.hospital.test", 443)


class TestAddressIn:
    def test_is_the_argument_or_what_the_scheme_carries(self):
        assert address_in(GOOD) == GOOD
        assert address_in("mingying://wake?url=" + GOOD.replace("#", "%23").replace(":", "%3A")) == GOOD
        assert address_in("mingying:/wake?url=" + GOOD.replace("#", "%23")) == GOOD

    @pytest.mark.parametrize(
        "wrong",
        ["mingying://quit", "mingying://wake", "mingying://wake?url=", "mingying://wake?url=a&url=b", "mingying:"],
    )
    def test_another_link_of_the_scheme_is_refused(self, wrong):
        with pytest.raises(NotALaunch):
            address_in(wrong)
