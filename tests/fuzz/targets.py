"""Every decoder that is fuzzed, by name."""

from typing import Final

from tests.fuzz import files, links, services
from tests.fuzz.target import Target

TARGETS: Final[dict[str, Target]] = {**links.TARGETS, **services.TARGETS, **files.TARGETS}
