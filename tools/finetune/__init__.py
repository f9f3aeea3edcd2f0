"""Fine-tunings of deployed models: start, watch and stop runs, and choose the release that is served."""

import sys
from pathlib import Path

# Packages of `lambda/` are imported by their own names, as in the functions.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lambda"))

from tools.finetune.data import refuse_elsewhere, start
from tools.finetune.pipeline import FineTuningError
from tools.finetune.rollbacks import Release, Rollback, plan_rollback, releases, rollback
from tools.finetune.runs import Run, wait
from tools.finetune.statuses import Status, status
from tools.finetune.stopping import stop
from tools.finetune.uploading import upload

__all__ = [
    "FineTuningError",
    "Release",
    "Rollback",
    "Run",
    "Status",
    "plan_rollback",
    "refuse_elsewhere",
    "releases",
    "rollback",
    "start",
    "status",
    "stop",
    "upload",
    "wait",
]
