"""The region: districts with their land, and the file that holds them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ghostload.errors import RegionError
from ghostload.streams import FloatArray, IntArray, spans
from ghostload.territory.geometry import GeometryArray, coordinates, holds_point, inside_points, on_grid
from ghostload.territory.plane import STEP_DEG, LocalPlane


@dataclass(frozen=True, eq=False)
class Region:
    """Districts ("barangays") and the land that they make up.

    Attributes
    ----------
    names, cities : tuple of D str
        Name of each district and of the city that it belongs to; the city may be empty. A name may stand twice: the
        index of a district is its identity.
    weights : (D,) array
        Population, or area where no population is known; never negative, not all zero.
    polygons : (D,) array of polygons and multipolygons
        Longitude and latitude, corners rounded to 6 decimals; holes are kept.
    points : (D, 2) array
        Longitude and latitude of a point inside each district.
    """

    names: tuple[str, ...]
    cities: tuple[str, ...]
    weights: FloatArray
    polygons: GeometryArray
    points: FloatArray

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        cities: Sequence[str],
        weights: FloatArray,
        polygons: GeometryArray,
        points: FloatArray | None = None,
    ) -> Region:
        """Make a region from polygons of any precision.

        Parameters
        ----------
        names, cities, weights
            As the attributes.
        polygons : (D,) array
            Corners are rounded here.
        points : (D, 2) array, optional
            Wanted inside points; one that lies outside its rounded polygon is replaced by one inside.

        Raises
        ------
        RegionError
            A polygon is smaller than the rounding.
        """
        rounded = on_grid(polygons)
        lost = ~holds_point(rounded)
        if lost.any():
            name = names[int(np.argmax(lost))]
            raise RegionError(f'district "{name}": is too small to hold a point with 6 decimals; leave it out')
        shapely.prepare(rounded)
        inside = inside_points(rounded, points)
        people = np.array(weights, dtype=np.float64)
        for array in (people, rounded, inside):
            array.setflags(write=False)
        return cls(tuple(names), tuple(cities), people, rounded, inside)

    def __len__(self) -> int:
        """Count the districts."""
        return len(self.names)

    @cached_property
    def land(self) -> BaseGeometry:
        """Union of the districts, prepared; with the holes that they leave open."""
        land = shapely.union_all(self.polygons)
        shapely.prepare(land)
        return land

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east and north edge in degrees."""
        west, south, east, north = shapely.total_bounds(self.polygons)
        return float(west), float(south), float(east), float(north)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Names that differ: where a name stands more than once, with its city or a number in brackets."""
        count = Counter(self.names)
        with_city = [
            f"{name} ({city})" if count[name] > 1 and city else name
            for name, city in zip(self.names, self.cities, strict=True)
        ]
        count = Counter(with_city)
        seen: Counter[str] = Counter()
        labels = []
        for label in with_city:
            seen[label] += 1
            labels.append(f"{label} ({seen[label]})" if count[label] > 1 else label)
        return tuple(labels)

    @cached_property
    def plane(self) -> LocalPlane:
        """Local plane about the middle of the bounds."""
        west, south, east, north = self.bounds
        return LocalPlane((west + east) / 2, (south + north) / 2)

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.polygons)

    def contains(self, lon: FloatArray, lat: FloatArray) -> NDArray[np.bool_]:
        """Tell which points stand on the land (a point exactly on its edge does not)."""
        return np.asarray(shapely.contains_xy(self.land, lon, lat), dtype=bool)

    def district_of(self, lon: FloatArray, lat: FloatArray) -> IntArray:
        """Return the district in which each point stands.

        Parameters
        ----------
        lon, lat : (P,) arrays of degrees

        Returns
        -------
        (P,) array of district indices; the lowest where polygons overlap or a point stands on the border of several,
        -1 off the land.
        """
        nowhere = len(self)
        found = np.full(len(lon), nowhere, dtype=np.int64)
        for part in spans(len(lon)):
            x, y = lon[part], lat[part]
            point, district = self._tree.query(shapely.points(x, y))
            holds = shapely.contains_xy(self.polygons[district], x[point], y[point])
            np.minimum.at(found[part], point[holds], district[holds])
        self._look_on_borders(lon, lat, found)
        found[found == nowhere] = -1
        return found

    def _look_on_borders(self, lon: FloatArray, lat: FloatArray, found: IntArray) -> None:
        """Give the points on land that are inside no district, so on a border of several, the lowest of those."""
        lost = np.flatnonzero(found == len(self))
        lost = lost[self.contains(lon[lost], lat[lost])]
        points = shapely.points(lon[lost], lat[lost])
        point, district = self._tree.query(points, predicate="dwithin", distance=STEP_DEG)
        np.minimum.at(found, lost[point], district)

    @classmethod
    def from_geojson(cls, collection: Mapping[str, Any]) -> Region:
        """Read back what :func:`region_geojson` wrote; the district polygons and the land are the same to the bit.

        Raises
        ------
        RegionError
            It is not a FeatureCollection of named polygons.
        """
        from ghostload.territory.region_file import region_of_features

        return region_of_features(collection, where="region.geojson")


def region_geojson(region: Region) -> dict[str, Any]:
    """Return the districts as an RFC 7946 FeatureCollection.

    Properties are ``barangay``, ``city`` and ``weight``; coordinates have 6 decimals, outer rings run anticlockwise
    and holes clockwise.
    """
    features = [
        {
            "type": "Feature",
            "properties": {"barangay": name, "city": city, "weight": round(float(weight), 6)},
            "geometry": {"type": polygon.geom_type, "coordinates": coordinates(polygon)},
        }
        for name, city, weight, polygon in zip(
            region.names, region.cities, region.weights, region.polygons, strict=True
        )
    ]
    return {"type": "FeatureCollection", "features": features}
