"""The owner of the other end of a connection, by the table of the machine's sockets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from localaws import loopback

# Two lines as Linux writes them, of a machine with little-endian numbers: 127.0.0.1:4660 to 127.0.0.1:80,
# of user 1000, and the same in IPv6, port 4661, of user 1001.
TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1234 0100007F:0050 01 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 20 4 30 10 -1
   1: 0100007F:0050 0100007F:1234 01 00000000:00000000 00:00000000 00000000  1002        0 2 1 0 20 4 30 10 -1
"""
TABLE_6 = """\
  sl  local_address remote_address st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0000000000000000FFFF00000100007F:1235 0000000000000000FFFF00000100007F:0050 01 0:0 00:0 0  1001        0 1
"""
OWN = ("127.0.0.1", 80)


@pytest.fixture(autouse=True)
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder with the tables."""
    monkeypatch.setattr(loopback, "_TABLES", {tmp_path / "tcp": "", tmp_path / "tcp6": "0" * 16 + "FFFF0000"})
    (tmp_path / "tcp").write_text(TABLE)
    (tmp_path / "tcp6").write_text(TABLE_6)
    return tmp_path


@pytest.mark.parametrize(
    ("port", "user", "is_own"),
    [(0x1234, 1000, True), (0x1234, 1002, False), (0x1235, 1001, True), (0x1235, 1000, False), (0x1236, 1000, False)],
)
def test_is_the_owner_of_the_socket_there(port: int, user: int, is_own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: user)
    assert loopback.is_of_this_user(("127.0.0.1", port), OWN) is is_own


def test_cannot_be_said_where_there_is_no_table(tables: Path) -> None:
    for table in tables.iterdir():
        table.unlink()
    assert loopback.is_of_this_user(("127.0.0.1", 0x1234), OWN)


def test_a_name_is_the_loopback_address_with_the_port() -> None:
    names = ["127.0.0.1:80", "localhost:80", "127.0.0.1", "127.0.0.1:81", "evil.example:80", "localhost:80.evil", None]
    assert [loopback.is_named(name, 80) for name in names] == [True, True, *[False] * 5]


def test_a_page_is_known_by_what_browsers_send() -> None:
    assert not loopback.is_of_a_page(None, None)
    assert not loopback.is_of_a_page(None, "none")
    assert loopback.is_of_a_page("null", None)
    assert loopback.is_of_a_page("", "none")
    assert [loopback.is_of_a_page(None, site) for site in ("cross-site", "same-site", "same-origin")] == [True] * 3
