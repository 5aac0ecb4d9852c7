"""A local plane in metres, for distances and shapes within a region."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ghostload.streams import FloatArray

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the Earth (IUGG), as haversine distances use it."""

M_PER_DEG = EARTH_RADIUS_M * np.pi / 180.0
"""Metres in one degree of latitude on that sphere."""

DECIMALS = 6
"""Decimals of a degree that coordinates are rounded to: about 0.1 m."""

STEP_DEG = 10.0**-DECIMALS


@dataclass(frozen=True)
class LocalPlane:
    """Equirectangular plane that is true in scale along the parallel ``lat0_deg``.

    Attributes
    ----------
    lon0_deg, lat0_deg : float
        The point that becomes (0, 0).
    """

    lon0_deg: float
    lat0_deg: float

    @property
    def m_per_deg_lon(self) -> float:
        """Metres in one degree of longitude at the central parallel."""
        return float(M_PER_DEG * np.cos(np.radians(self.lat0_deg)))

    def to_m(self, lon: FloatArray, lat: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return x (east) and y (north) in metres for degrees."""
        return (lon - self.lon0_deg) * self.m_per_deg_lon, (lat - self.lat0_deg) * M_PER_DEG

    def to_deg(self, x_m: FloatArray, y_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return longitude and latitude, rounded as in all files, for metres."""
        return round_deg(x_m / self.m_per_deg_lon + self.lon0_deg), round_deg(y_m / M_PER_DEG + self.lat0_deg)


def round_deg(degrees: FloatArray) -> FloatArray:
    """Round to the decimals that files hold, so that memory and file are the same place."""
    return np.round(degrees, DECIMALS)
