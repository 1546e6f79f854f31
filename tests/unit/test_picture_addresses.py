"""Which addresses pictures may come from."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.adapters.picture_addresses import CheckedSockets, RefusedAddress, refusal
from core.image_settings import Network

OFFICE: tuple[Network, ...] = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00:1::/32"))


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.1.1", "172.16.0.1", "192.168.1.1"),
        *("192.0.0.8", "198.18.0.1", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "fec0::1", "100::1", "2001:db8::1", "2001::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254"),
        *("2002:7f00:1::", "2002:a00:1::1", "64:ff9b:1::808:808", "::127.0.0.1", "fe80::1%eth0", "2600::1%1"),
        *("127.1", "2130706433", "0x7f.1", "0177.0.0.1", "1.2.3", "localhost", ""),
    ],
)
def test_what_is_not_the_public_internet_is_refused(address: str) -> None:
    assert refusal(address, 443, ()) is not None


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"]
)
def test_public_addresses_pass(address: str) -> None:
    assert refusal(address, 443, ()) is None


@pytest.mark.parametrize("address", ["169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"])
@pytest.mark.parametrize("form", ["{}", "::ffff:{}", "64:ff9b::{}"])
def test_metadata_is_refused_whatever_is_allowed(address: str, form: str) -> None:
    everything = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
    if ":" in address and form != "{}":
        form = "{}"
    assert refusal(form.format(address), 80, everything) == "a metadata address"


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.170.2", "169.254.0.23", "fe80::a9fe:a9fe", "fe80::a9fe:a9fe%eth0", "fd00:ec2::254%1"),
        *("fd00:ec2::23", "fd00:c1::a9fe:a9fe", "fd00:42::42", "2002:a9fe:a9fe::1"),
        "64:ff9b:1:a9fe:a9:fe00::",  # a local translator with a prefix of 48 bits (RFC 6052 2.2)
        "64:ff9b:1:a9:fe:a9fe::",  # 56
        "64:ff9b:1:0:a9:fea9:fe00:0",  # 64
        "64:ff9b:1::a9fe:a9fe",  # 96
        "2001:0:4136:e378:8000:63bf:5601:5601",  # Teredo: 169.254.169.254 with every bit turned
    ],
)
def test_no_form_of_a_metadata_address_slips_through_an_allowed_network(address: str) -> None:
    everything = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
    assert refusal(address, 80, everything) == "a metadata address"


@pytest.mark.parametrize("address", ["64:ff9b:1::808:808", "2001:0:808:808::f7f7:f7f7", "64:ff9b:2::808:808"])
def test_a_translation_that_nobody_can_check_is_refused_unless_it_is_allowed(address: str) -> None:
    assert refusal(address, 443, ()) == "not a public address"
    assert refusal(address, 443, (ipaddress.ip_network(f"{address}/128"),)) is None


def test_a_local_translation_of_an_allowed_address_is_not_that_address() -> None:
    assert refusal("64:ff9b:1::a01:203", 443, OFFICE) == "not a public address"


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5"])
def test_an_allowed_network_is_let_through_at_any_port(address: str) -> None:
    assert refusal(address, 9000, OFFICE) is None


def test_a_neighbour_of_an_allowed_network_is_refused() -> None:
    assert refusal("10.2.0.1", 443, OFFICE) == "not a public address"


@pytest.mark.parametrize("port", [0, 22, 25, 6379, 8080, 65535])
def test_a_public_address_is_fetched_from_at_web_ports_alone(port: int) -> None:
    assert refusal("8.8.8.8", port, ()) == f"port {port} is not 80 or 443"


@given(st.ip_addresses(v=4))
@example(ipaddress.IPv4Address("168.63.129.16"))
def test_every_form_of_an_ipv4_address_is_judged_as_the_address(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    nat64 = ipaddress.IPv6Address((0x64_FF9B << 96) | number)
    sixtofour = ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1)
    forms = (f"::ffff:{address}", str(nat64), str(sixtofour))
    assert {refusal(form, 443, ()) for form in forms} == {refusal(str(address), 443, ())}


@given(st.ip_addresses())
def test_what_passes_is_global_and_no_group(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if refusal(str(address), 443, ()) is None:
        embedded = isinstance(address, ipaddress.IPv6Address) and (address.sixtofour or address.ipv4_mapped)
        target = embedded or address
        assert not target.is_private
        assert not target.is_loopback
        assert not target.is_link_local
        assert not target.is_multicast
        assert not target.is_unspecified
        assert not target.is_reserved or target in ipaddress.ip_network("64:ff9b::/96")


@given(
    st.sampled_from(["10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10"]),
    st.data(),
)
def test_no_address_of_a_local_network_passes(network: str, data: st.DataObject) -> None:
    address = data.draw(st.ip_addresses(network=network))
    assert refusal(str(address), 443, ()) is not None


def test_no_socket_is_made_for_a_refused_address() -> None:
    with pytest.raises(RefusedAddress):
        CheckedSockets(())((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.1", 80)))
