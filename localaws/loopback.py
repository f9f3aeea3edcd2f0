"""The other side of a connection on the loopback interface: browsers and other users of the machine are there, too."""

from __future__ import annotations

import os
import re
import socket
import struct
from pathlib import Path
from typing import Final

from localaws import settings

# Linux, proc(5): the sockets of the machine with the two addresses and the owner of each, and what stands before an
# IPv4 address (in IPv6: RFC 4291, section 2.5.5.2, as the table has it).
_TABLES: Final = {Path("/proc/net/tcp"): "", Path("/proc/net/tcp6"): "0000000000000000FFFF0000"}


def is_named(host: str | None, port: int) -> bool:
    """Return whether a `Host` header names the loopback interface and a port."""
    return host in (f"{settings.HOST}:{port}", f"localhost:{port}")


def is_of_a_page(origin: str | None, fetch_site: str | None) -> bool:
    """Return whether a request comes from a page of a browser, by its `Origin` and `Sec-Fetch-Site` headers."""
    return origin is not None or fetch_site not in (None, "none")


def is_of_this_user(client: tuple[str, int], own: tuple[str, int]) -> bool:
    """Return whether the user of this process owns the other end of a connection.

    Where the system has no table of its sockets, as on macOS, anybody may.

    Args:
        client: The address and port of the other end.
        own: Those of this one.
    """
    known = False
    for table, prefix in _TABLES.items():
        try:
            text = table.read_text(encoding="ascii")
        except OSError:
            continue
        known = True
        ends = f"{prefix}{_in_table(client)} {prefix}{_in_table(own)}"
        # After the addresses come the state, the queues, the timer and the retransmissions.
        owner = re.search(rf"{ends}(?: +\S+){{4}} +(\d+)", text)
        if owner is not None:
            return int(owner[1]) == os.getuid()
    return not known


def _in_table(address: tuple[str, int]) -> str:
    """Return an address as the table has it: the bytes in the machine's order, in hexadecimal, and the port."""
    (number,) = struct.unpack("=I", socket.inet_aton(address[0]))
    return f"{number:08X}:{address[1]:04X}"
