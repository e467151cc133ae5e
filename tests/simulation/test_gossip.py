"""News in a quiet cluster: seen within two periods where a round reaches all, and sent once."""

import pytest

from lastword.simulation.cluster import Cluster
from lastword.simulation.outcome import Outcome
from lastword.simulation.settings import SECOND_US, SimulationSettings


def quiet_outcome(nodes: int, writes: int) -> Outcome:
    """Return what a run without faults came to, with writes to distinct elements."""
    settings = SimulationSettings(
        nodes=nodes, writes=writes, delay_us=(1_000, 20_000), duration_us=30 * SECOND_US
    )
    return Cluster(settings, 3).run()


@pytest.mark.parametrize("nodes", [2, 3, 4])
def test_where_a_round_reaches_all_a_write_is_everywhere_within_two_periods(nodes: int) -> None:
    outcome = quiet_outcome(nodes, 500)
    assert outcome.delay_us(1.0) <= 2 * outcome.settings.interval_us


@pytest.mark.slow
@pytest.mark.parametrize(("nodes", "ratio_max"), [(5, 1.2), (50, 2.0)])
def test_no_entry_goes_round_again_and_again(nodes: int, ratio_max: float) -> None:
    assert quiet_outcome(nodes, 1_000).sent_per_needed <= ratio_max
