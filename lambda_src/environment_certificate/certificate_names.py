"""DNS names and IP addresses in certificates, and the limits of an authority to them."""

from ipaddress import ip_address, ip_network

from asn1crypto import x509

# Excluded where no name of that kind is permitted (RFC 5280, 4.2.1.10): every address, every name.
_ALL_ADDRESSES = ("0.0.0.0/0", "::/0")
_ALL_NAMES = ""


def general_name(name: str) -> x509.GeneralName:
    try:
        return x509.GeneralName("ip_address", str(ip_address(name)))
    except ValueError:
        return x509.GeneralName("dns_name", name)


def name_constraints(names: tuple[str, ...]) -> dict[str, list[dict[str, x509.GeneralName]]]:
    """Permit these names and addresses and, under a DNS name, what is below it; exclude others."""
    addresses = [name for name in names if _is_address(name)]
    dns_names = [name.removeprefix("*.") for name in names if not _is_address(name)]
    permitted = [
        *(x509.GeneralName("dns_name", name) for name in dns_names),
        *(x509.GeneralName("ip_address", str(ip_network(address))) for address in addresses),
    ]
    excluded = [
        *([] if dns_names else [x509.GeneralName("dns_name", _ALL_NAMES)]),
        *([] if addresses else [x509.GeneralName("ip_address", each) for each in _ALL_ADDRESSES]),
    ]
    return {
        "permitted_subtrees": [{"base": name} for name in permitted],
        **({"excluded_subtrees": [{"base": name} for name in excluded]} if excluded else {}),
    }


def _is_address(name: str) -> bool:
    return bool(general_name(name).name == "ip_address")
