"""The scripts of this folder are run by themselves too, so they import each other by plain names."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent))
