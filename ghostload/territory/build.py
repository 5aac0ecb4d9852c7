"""Which region a config asks for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ghostload.config.model import GeneratorConfig
from ghostload.errors import ConfigError
from ghostload.territory.geometry import (
    GeometryArray,
    area_m2,
    geometry_array,
    holds_point,
    on_grid,
    polygonal,
    spread_points,
    voronoi_cells,
)
from ghostload.territory.metro_manila import metro_manila, metro_manila_land
from ghostload.territory.names import all_known, plain, select
from ghostload.territory.plane import DECIMALS
from ghostload.territory.region import Region
from ghostload.territory.region_file import read_region_file

_OWN_SHARE = 0.05
"""A box counts as one of Metro Manila when at least this share of it, or of Metro Manila, is in both."""

_M2_PER_DISTRICT = 5.0e6
"""Size of an invented district: that of the default region's (585 km² in 124)."""

_FEWEST, _MOST = 4, 200


def build_region(config: GeneratorConfig) -> Region:
    """Return the region that a config asks for; it depends on no random number.

    Parameters
    ----------
    config : GeneratorConfig
        Read are ``territory.region`` with its properties, ``geo_bounds`` and ``barangays``. Without the first two it
        is Metro Manila.

    Raises
    ------
    RegionError
        The region file cannot be used.
    ConfigError
        A barangay is unknown, or no land is left.
    """
    box = None if config.geo_bounds is None else _box(config)
    if config.territory.region is not None:
        known = read_region_file(
            config.territory.region,
            name_property=config.territory.name_property,
            city_property=config.territory.city_property,
            population_property=config.territory.population_property,
        )
        return _restrict(known, box, config.barangays, str(config.territory.region.name))
    if box is None:
        return _restrict(metro_manila(), None, config.barangays, "Metro Manila's list")
    if not _is_metro_manila(box):
        return _invent(box, config.barangays)
    known = metro_manila()
    if config.barangays is not None and not all_known(config.barangays, known.names, known.cities):
        return _invent(shapely.intersection(box, metro_manila_land()), config.barangays)
    return _restrict(known, box, config.barangays, "Metro Manila's list")


def _box(config: GeneratorConfig) -> BaseGeometry:
    """Return the bounds as a polygon, drawn in to the decimals of the files so that rounding leads nowhere outside."""
    bounds = config.geo_bounds or {}
    scale = 10.0**DECIMALS
    edges = {}
    for axis, (low, high) in bounds.items():
        edges[axis] = np.ceil(low * scale - 1e-3) / scale, np.floor(high * scale + 1e-3) / scale
        if not edges[axis][1] - edges[axis][0] > 10 / scale:
            raise ConfigError(f"geo_bounds.{axis}: is ({low:g}, {high:g}), less than a metre apart; widen it")
    (south, north), (west, east) = edges["lat"], edges["lon"]
    return shapely.geometry.box(west, south, east, north)


def _is_metro_manila(box: BaseGeometry) -> bool:
    land = metro_manila_land()
    shared = shapely.area(shapely.intersection(box, land))
    return bool(shared >= _OWN_SHARE * min(box.area, land.area))


def _restrict(region: Region, box: BaseGeometry | None, barangays: Sequence[str] | None, where: str) -> Region:
    """Keep the named districts and, of each, the part within the box; people go with the area."""
    if box is None and barangays is None:
        return region
    chosen = select(barangays, region.names, region.cities, where) if barangays else list(range(len(region)))
    pieces = _pieces(region.polygons[chosen], box)
    kept = [(i, piece) for i, piece in zip(chosen, pieces, strict=True) if piece is not None]
    _refuse_outside(region, barangays, [i for i, piece in zip(chosen, pieces, strict=True) if piece is None], where)
    if not kept:
        raise ConfigError(f"geo_bounds: none of the districts of {where} lies in it; move or widen it")
    index = np.array([i for i, _ in kept])
    polygons = geometry_array([piece for _, piece in kept])
    share = shapely.area(polygons) / shapely.area(region.polygons[index])
    weights = region.weights[index] * share
    if not weights.sum() > 0:
        raise ConfigError(f"{'barangays' if barangays else 'geo_bounds'}: nobody lives in the chosen part of {where}")
    names, cities = ([source[i] for i in index] for source in (region.names, region.cities))
    return Region.of(names, cities, weights, polygons, region.points[index])


def _pieces(polygons: GeometryArray, box: BaseGeometry | None) -> list[BaseGeometry | None]:
    """Cut polygons with the box; None where no more than dust is left."""
    if box is None:
        return list(polygons)
    pieces = [polygonal(piece) for piece in shapely.intersection(polygons, box)]
    rounded = on_grid(geometry_array([piece or shapely.Polygon() for piece in pieces]))
    return [piece if wide else None for piece, wide in zip(pieces, holds_point(rounded), strict=True)]


def _refuse_outside(region: Region, barangays: Sequence[str] | None, gone: Sequence[int], where: str) -> None:
    """Refuse a barangay that was asked for by name and has no part within the bounds."""
    for wanted in barangays or ():
        mine = select([wanted], region.names, region.cities, where)
        if set(mine) <= set(gone):
            raise ConfigError(f'barangays: "{wanted}" lies outside geo_bounds; leave it out or widen the bounds')


def _invent(land: BaseGeometry, barangays: Sequence[str] | None) -> Region:
    """Cut land into districts of like size, named as asked or "Barangay 1" and up; people are spread evenly."""
    ground = polygonal(land)
    if ground is None:
        raise ConfigError("geo_bounds: holds less than 12 square metres of land; widen it")
    names = _names(barangays, float(area_m2(geometry_array([ground]))[0]))
    points = spread_points(ground, len(names))
    cells = voronoi_cells(points, ground) if len(np.unique(points, axis=0)) == len(points) else [None]
    polygons = geometry_array([cell for cell in cells if cell is not None])
    if len(polygons) < len(names):
        raise ConfigError(f"geo_bounds: is too small for {len(names)} barangays; widen it or give fewer")
    return Region.of(names, [""] * len(names), area_m2(polygons), polygons, points)


def _names(barangays: Sequence[str] | None, area: float) -> list[str]:
    if barangays is None:
        count = int(np.clip(round(area / _M2_PER_DISTRICT), _FEWEST, _MOST))
        return [f"Barangay {i + 1}" for i in range(count)]
    seen: dict[str, str] = {}
    for name in barangays:
        if plain(name) in seen:
            raise ConfigError(f'barangays: "{name}" stands twice; give each name once')
        seen[plain(name)] = name
    return [" ".join(name.split()) for name in barangays]
