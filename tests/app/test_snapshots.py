"""Whole templates as they are reviewed, with the hashes of assets scrubbed; `make snapshots` rewrites them."""

import json
import os
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("app")

SNAPSHOTS = Path(__file__).parent / "snapshots"

# One of each kind: a prefix and what dev removes, a tarball and what prod keeps, another region, a pipeline,
# an import, accounts.
TEMPLATES = {
    "dev-mistral-7b-instruct": "assembly-dev/devmistral7binstruct*.template.json",
    "prod-falcon-180b-chat-quantized": "assembly-prod/prodfalcon180bchatquantized*.template.json",
    "prod-arctic-instruct": "assembly-prod/prodarcticinstruct*.template.json",
    "prod-mistral-7b-dolly": "assembly-prod/prodmistral7bdolly*.template.json",
    "staging-granite-3b-code-instruct": "assembly-staging/staginggranite3bcodeinstruct*.template.json",
    "account-us-west-2": "assembly-account/accountuswest2*.template.json",
}


def _scrubbed(text: str) -> str:
    return re.sub(r"[0-9a-f]{64}\.zip", "<asset>.zip", text)


@pytest.mark.parametrize("name", TEMPLATES)
def test_matches_the_reviewed_template(assembly: Path, name: str) -> None:
    [template] = assembly.glob(TEMPLATES[name])
    text = json.dumps(json.loads(_scrubbed(template.read_text())), indent=2) + "\n"
    snapshot = SNAPSHOTS / f"{name}.json"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        snapshot.parent.mkdir(exist_ok=True)
        snapshot.write_text(text)

    assert text == snapshot.read_text(), "if the change is wanted: make snapshots, and review the difference"
