"""Print the new form of `python -m tools.finetune`."""

from tools.retired import retired

if __name__ == "__main__":
    raise SystemExit(retired("tools.finetune"))
