"""How well theft hides: what ``difficulty`` stands for.

The three profiles are set so that detectors score on them as the leaderboard under ``reports/`` shows: on ``realistic``
about as on the real labels of SGCC and STEG.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difficulty:
    """Profile of theft.

    Attributes
    ----------
    strength : (float, float)
        Range of how far a theft is pushed; 1 is the nominal form of its kind.
    onset_months : (float, float)
        When the thefts begin that begin within the data, in months from its start. Within the first year whatever the
        length of the data, so that more months move no onset; in a shorter window in proportion.
    before_share : float
        Share of thefts that began before the data, so that the meter shows no change.
    level_exponent : float
        A customer's weight in the choice of thieves is (level / class mean) to this power.
    look_alike_factor : float
        Multiplies the configured rates of faults and look-alikes.
    mean_months : float
        Mean duration of a theft from the start of the data, or from its own if later.
    """

    strength: tuple[float, float]
    onset_months: tuple[float, float]
    before_share: float
    level_exponent: float
    look_alike_factor: float
    mean_months: float


PROFILES: dict[str, Difficulty] = {
    "easy": Difficulty((1.0, 1.0), (2.0, 7.0), 0.0, 0.0, 0.1, 120.0),
    "realistic": Difficulty((0.25, 0.83), (0.0, 10.0), 0.60, 1.5, 1.0, 60.0),
    "hard": Difficulty((0.10, 0.50), (0.0, 10.0), 0.70, 0.8, 1.5, 60.0),
}
