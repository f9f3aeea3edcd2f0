"""Today's templates keep what deployed stacks of earlier releases hold. Nothing is deployed here."""

import tarfile
from typing import Any

import pytest

from tests.upgrade.differences import HINT, STATEFUL, STATELESS, differences, unwanted
from tests.upgrade.record import STACKS, archive
from tests.upgrade.recorded import Assembly

# One worker synthesizes today's stacks for these and for the deployed ones.
pytestmark = pytest.mark.xdist_group("upgrade")


def test_the_assembly_holds_a_stack_of_each_kind(old: Assembly) -> None:
    assert old.templates().keys() == set(STACKS.values())


def test_the_archive_names_no_owner_and_no_time(version: str) -> None:
    with tarfile.open(archive(version)) as packed:
        members = packed.getmembers()

    assert {(member.mtime, member.uid, member.gid, member.uname, member.gname) for member in members} == {
        (0, 0, 0, "", "")
    }
    assert [member.name for member in members] == sorted(member.name for member in members)


def test_an_update_keeps_what_the_stacks_hold(old: Assembly, new: Assembly, version: str) -> None:
    assert unwanted(differences(old.templates(), new.templates()), version) == [], HINT


def test_every_resource_is_known_to_hold_state_or_not(old: Assembly, new: Assembly) -> None:
    types = {each["Type"] for template in _all(old, new) for each in template["Resources"].values()}

    assert types - STATEFUL - STATELESS == set()


def _all(*assemblies: Assembly) -> list[dict[str, Any]]:
    return [template for assembly in assemblies for template in assembly.templates().values()]
