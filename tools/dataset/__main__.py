"""Run `python -m tools.dataset`."""

import sys

from tools.dataset.check import main

sys.exit(main())
