"""What all tests share: helper modules beside them, Hypothesis without a clock, no user's own configuration."""

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile(
    "imgfilt", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], max_examples=150
)
settings.load_profile("imgfilt")

os.environ["XDG_CONFIG_HOME"] = str(
    Path(__file__).parent / "no-such-folder"
)  # constants of `imgfilt tune`, filters
