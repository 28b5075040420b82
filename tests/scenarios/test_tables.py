"""Every table beside this file, scenario by scenario."""

from pathlib import Path

import pytest

from tests.scenarios import bot_lines  # noqa: F401 - for its lines
from tests.scenarios.ledger import Scenario, play, scenarios

TABLES = sorted(Path(__file__).parent.glob("*.txt"))
SCENARIOS = [
    pytest.param(scenario, id=f"{table.stem}: {scenario.title}") for table in TABLES for scenario in scenarios(table)
]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_goes_as_its_table_says(scenario: Scenario) -> None:
    said, happened = play(scenario)
    assert "\n".join(happened) == "\n".join(said)
