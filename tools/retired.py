"""Commands of the first days: each old form, and the one of today.

`python -m tools.keys` and its like print the new form and end with 2. The next version removes them and this module.
"""

import sys

RETIRED = {
    "catalog": "catalog search|show|update|diff|verify",
    "tools.artifacts": "artifacts check DIR|S3_URI",
    "tools.chat": "chat ENV/MODEL PROMPT",
    "tools.dataset": "dataset check DIR --model ID",
    "tools.dataset_request": "dataset request ENV/MODEL DIR",
    "tools.demo": "demo [ENV] [--keep]",
    "tools.finetune": "finetune start|status|rollback ENV/MODEL",
    "tools.keys": "keys create|list|revoke ENV/MODEL",
    "tools.local": "local start|env|status|stop",
    "tools.preflight": "preflight ENV [--live]",
}
"""New form by the module that was run."""


def retired(module: str) -> int:
    """Print a module's new form on stderr.

    Args:
        module: As `python -m` was given it.

    Returns:
        The exit code of a command that is not understood.
    """
    print(f"error: python -m {module} is now ./jumpstack {RETIRED[module]}", file=sys.stderr)
    return 2
