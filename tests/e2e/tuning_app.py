"""The app with one fine-tuned model in dev, so that each deployment of the end-to-end tests takes seconds."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import app
from stacks.environments import DEV
from stacks.models import MISTRAL_7B_DOLLY

if __name__ == "__main__":
    app.build([(DEV, [MISTRAL_7B_DOLLY])]).synth()
