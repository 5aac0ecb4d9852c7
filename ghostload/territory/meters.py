"""Which transformer serves a meter, and where its service point stands."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from ghostload.scratch import Scratch
from ghostload.streams import FloatArray, IntArray, Stage, Streams, spans
from ghostload.territory.plane import M_PER_DEG, STEP_DEG, round_deg
from ghostload.territory.region import Region
from ghostload.territory.transformers import Transformers

BoolArray = NDArray[np.bool_]

WEIGHT_SIGMA = 0.5
"""Standard deviation of the log of a transformer's weight: meter counts vary by about half their mean."""

_JUMPS = 40
"""Draws for the choice of a transformer; more than 40 jumps have a chance below 1e-6 with 10 million transformers."""

_TRIES = 4
"""Places that a meter draws; the first on land is taken."""

_CLOSER = (0.5, 0.25, 0.1, 0.03, 0.0)
"""When none is: the first of them, moved towards the transformer by these factors in turn."""

_SHAPE = 1.3
_BEYOND = 0.01
"""Service length: Weibull of this shape (more near than far), with this chance to pass the service radius."""

_LONGEST = 1.25
"""Longest service length, in service radii."""

_SIDE_STREET_SHARE = 0.55
BLOCK_SHARE = 0.18
"""Share of meters in side streets, and distance between those, in service radii (45 m of 250 m)."""

SETBACK_SHARE = (0.02, 0.05)
"""Distance of a service point from the middle of its street, in service radii (5 to 12.5 m of 250 m)."""


def transformer_weights(num_transformers: int, streams: Streams, scratch: Scratch | None = None) -> FloatArray:
    """Draw how many meters a transformer attracts, relative to others; log-normal with :data:`WEIGHT_SIGMA`."""
    weights: FloatArray = (scratch or Scratch()).zeros(num_transformers)
    for part in spans(num_transformers):
        drawn = streams.normal(Stage.TRANSFORMER_WEIGHT, part.start, part.stop, 1)[:, 0]
        weights[part] = np.exp(WEIGHT_SIGMA * drawn)
    return weights


def assign_transformers(
    num_meters: int, weights: FloatArray, streams: Streams, scratch: Scratch | None = None
) -> IntArray:
    r"""Choose the transformer of each meter with chances proportional to the weights.

    Meter ``i < T`` goes to transformer ``i``, so that none is empty. Any other starts at transformer 0 and jumps
    upwards: from :math:`b` to the first :math:`j` with cumulative weight :math:`W_j > W_b / u`, ``u`` uniform, until
    there is no such :math:`j`. Since :math:`P(\text{stay at } b) = W_b / W_{T-1}`, each transformer is the last with
    probability :math:`w_j / W_{T-1}` [1]_. A transformer added at the end draws its own share of the meters and moves
    no other.

    Parameters
    ----------
    num_meters : int
        At least the number of transformers.
    weights : (T,) array
        Positive.
    streams : Streams
    scratch : Scratch, optional
        Where the result lies.

    Returns
    -------
    (N,) array of transformer indices

    References
    ----------
    .. [1] Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014. :arxiv:`1406.2294`
       (equal weights; here the cumulative weight takes the place of the count).
    """
    scratch = scratch or Scratch()
    total = np.cumsum(weights, out=scratch.zeros(len(weights)))
    chosen: IntArray = scratch.zeros(num_meters, np.int64)
    for part in spans(num_meters):
        unit = streams.uniform(Stage.METER_TRANSFORMER, part.start, part.stop, _JUMPS)
        number = np.arange(part.start, part.stop)
        chosen[part] = np.where(number < len(weights), number, _last_jump(unit, total))
    return chosen


def _last_jump(unit: FloatArray, total: FloatArray) -> IntArray:
    """Follow the jumps of each row of uniform numbers to the last transformer that there is."""
    at = np.zeros(len(unit), dtype=np.int64)
    moving = np.arange(len(unit))
    for jump in range(unit.shape[1]):
        # 1 - u lies in (0, 1], so there is no division by zero.
        target = np.searchsorted(total, total[at[moving]] / (1.0 - unit[moving, jump]), side="right")
        goes_on = target < len(total)
        moving = moving[goes_on]
        at[moving] = target[goes_on]
    return at


def place_meters(
    region: Region,
    transformers: Transformers,
    meter_transformer: IntArray,
    street_angle_rad: FloatArray,
    service_radius_m: float,
    streams: Streams,
    scratch: Scratch | None = None,
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Stand the service points along the streets round their transformers.

    Parameters
    ----------
    region : Region
    transformers : Transformers
    meter_transformer : (N,) array
        Transformer of each meter.
    street_angle_rad : (F,) array
        Direction of the streets of each feeder.
    service_radius_m : float
        Radius within which 99 in 100 service points stand before those that would stand in the water are moved.
    streams : Streams
    scratch : Scratch, optional
        Where the results lie.

    Returns
    -------
    lon, lat : (N,) arrays of degrees, rounded; on land
    barangay : (N,) array
        District in which each service point stands.
    """
    scratch, count = scratch or Scratch(), len(meter_transformer)
    lon, lat, barangay = scratch.zeros(count), scratch.zeros(count), scratch.zeros(count, np.int64)
    near_border = _near_border(region, transformers, service_radius_m)
    turn = np.cos(street_angle_rad), np.sin(street_angle_rad)
    placer = _Placer(region, transformers, near_border, turn, service_radius_m)
    for part in spans(count):
        unit = streams.uniform(Stage.METER_PLACE, part.start, part.stop, 3 * _TRIES)
        lon[part], lat[part], barangay[part] = placer.place(meter_transformer[part], unit)
    return lon, lat, barangay


def _near_border(region: Region, transformers: Transformers, service_radius_m: float) -> BoolArray:
    """Tell which transformers have a border of their district, so perhaps the sea, within the longest service."""
    border = shapely.boundary(region.polygons)
    shapely.prepare(border)
    reach = (_LONGEST + BLOCK_SHARE + SETBACK_SHARE[1]) * service_radius_m
    lon, lat, count = transformers.lon, transformers.lat, len(transformers.lat)
    metres_per_deg = min(float((np.cos(np.radians(np.abs(lat[part]))) * M_PER_DEG).min()) for part in spans(count))
    distance_deg = reach / metres_per_deg * 1.01 + STEP_DEG
    near = np.empty(count, dtype=bool)
    for part in spans(count):
        points = shapely.points(lon[part], lat[part])
        near[part] = shapely.dwithin(border[transformers.barangay[part]], points, distance_deg)
    return near


class _Placer:
    """Places some meters at a time."""

    def __init__(
        self,
        region: Region,
        transformers: Transformers,
        near_border: BoolArray,
        turn: tuple[FloatArray, FloatArray],
        radius_m: float,
    ) -> None:
        self.region = region
        self.transformers = transformers
        self.near_border = near_border
        self.cos, self.sin = turn
        self.radius_m = radius_m

    def place(self, home: IntArray, unit: FloatArray) -> tuple[FloatArray, FloatArray, IntArray]:
        """Return lon, lat and district for meters of the transformers ``home`` with their uniform numbers."""
        east, north = service_offset_m(unit[:, :3], self.radius_m)
        lon, lat = self._stand(home, east, north)
        barangay = self._district(home, lon, lat)
        wet = np.flatnonzero(barangay < 0)
        for attempt in range(1, _TRIES + len(_CLOSER)):
            if len(wet) == 0:
                break
            if attempt < _TRIES:
                shift = service_offset_m(unit[wet, 3 * attempt : 3 * attempt + 3], self.radius_m)
            else:
                shift = east[wet] * _CLOSER[attempt - _TRIES], north[wet] * _CLOSER[attempt - _TRIES]
            lon[wet], lat[wet] = self._stand(home[wet], *shift)
            barangay[wet] = self._district(home[wet], lon[wet], lat[wet])
            wet = wet[barangay[wet] < 0]
        return lon, lat, barangay

    def _stand(self, home: IntArray, along_m: FloatArray, across_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Turn an offset along and across the main street into degrees, in scale at the transformer itself."""
        feeder = self.transformers.feeder[home]
        cos, sin = self.cos[feeder], self.sin[feeder]
        lat0 = self.transformers.lat[home]
        lon = self.transformers.lon[home] + (cos * along_m - sin * across_m) / (M_PER_DEG * np.cos(np.radians(lat0)))
        return round_deg(lon), round_deg(lat0 + (sin * along_m + cos * across_m) / M_PER_DEG)

    def _district(self, home: IntArray, lon: FloatArray, lat: FloatArray) -> IntArray:
        """Return the district of each point, -1 off the land; asks for points of transformers near a border only."""
        district = self.transformers.barangay[home].copy()
        ask = np.flatnonzero(self.near_border[home])
        own = shapely.contains_xy(self.region.polygons[district[ask]], lon[ask], lat[ask])
        other = ask[~own]
        district[other] = self.region.district_of(lon[other], lat[other])
        return district


def service_offset_m(unit: FloatArray, service_radius_m: float) -> tuple[FloatArray, FloatArray]:
    """Turn uniform numbers into service points along a main street and the side streets that leave it at each block.

    Parameters
    ----------
    unit : (n, 3) array in [0, 1)
        For the length of the service along the streets, how it is split between them, and the sides.
    service_radius_m : float

    Returns
    -------
    along_m, across_m : (n,) arrays
        Offset along and across the main street.
    """
    scale = service_radius_m / (-np.log(_BEYOND)) ** (1 / _SHAPE)
    length = np.minimum(scale * (-np.log1p(-unit[:, 0])) ** (1 / _SHAPE), _LONGEST * service_radius_m)
    sides = np.floor(8 * unit[:, 2]).astype(np.int64)
    near, far = SETBACK_SHARE
    setback = (near + (far - near) * (8 * unit[:, 2] - sides)) * service_radius_m
    setback *= np.where(sides & 4, 1.0, -1.0)
    in_side_street = unit[:, 1] < _SIDE_STREET_SHARE
    block = BLOCK_SHARE * service_radius_m
    corner = block * np.round(length * unit[:, 1] / _SIDE_STREET_SHARE / block)
    along = np.where(in_side_street, corner + setback, length)
    across = np.where(in_side_street, np.maximum(length - corner, near * service_radius_m), setback)
    return along * np.where(sides & 1, 1.0, -1.0), across * np.where(sides & 2, 1.0, -1.0)
