"""From points to a forest: the medium-voltage trees and low-voltage streets of all feeders in flat arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.streams import FloatArray, IntArray
from ghostload.territory import Territory
from ghostload.territory.plane import M_PER_DEG, round_deg
from ghostload.wires.catalogue import Practice
from ghostload.wires.low import Poles, StreetGrid, street_poles
from ghostload.wires.medium import street_trees
from ghostload.wires.model import Kind, Layout

_LOW_KINDS = (Kind.TRANSFORMER_LV, Kind.LV_POLE, Kind.SERVICE_POINT)
_LAST = np.iinfo(np.int64).max

_SHORTEST_M = 1.0
"""No line is shorter: two points on one spot are still joined by a jumper."""


@dataclass(frozen=True, eq=False)
class _Medium:
    """Medium-voltage nodes, feeder after feeder, each after its parent; K of them."""

    feeder: IntArray
    transformer: IntArray  # -1 for substations and junctions
    parent: IntArray
    depth: IntArray
    lat: FloatArray
    lon: FloatArray
    length_m: FloatArray
    count: IntArray  # (F,)


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Where the nodes of each feeder (F + 1) and of each transformer's low-voltage side (T) begin."""

    feeder_start: IntArray
    start: IntArray
    size: IntArray


def lay_out(territory: Territory, angle_rad: FloatArray, service_radius_m: float, practice: Practice) -> Layout:
    """Lay the wires of every feeder; a feeder's depend on its own points alone.

    Parameters
    ----------
    territory : Territory
    angle_rad : (F,) array
        Direction of the streets.
    service_radius_m : float
    practice : Practice
    """
    medium = _medium(territory, angle_rad, practice)
    poles = _poles(territory, angle_rad, service_radius_m, practice)
    count_t = len(territory.transformer_lat)
    meters_of = np.bincount(territory.meter_transformer, minlength=count_t)
    block = 1 + np.bincount(poles.transformer, minlength=count_t) + meters_of
    by_feeder = np.argsort(territory.transformer_feeder, kind="stable")
    feeders = len(territory.feeder_substation)
    low_of = np.bincount(territory.transformer_feeder, weights=block, minlength=feeders).astype(np.int64)
    feeder_start = np.concatenate([[0], np.cumsum(medium.count + low_of)])
    # Blocks follow the medium-voltage nodes of their feeder, in the order of the transformers' numbers.
    before = np.cumsum(block[by_feeder]) - block[by_feeder]
    first = (np.cumsum(low_of) - low_of)[territory.transformer_feeder[by_feeder]]
    block_start = np.empty(count_t, dtype=np.int64)
    at = territory.transformer_feeder[by_feeder]
    block_start[by_feeder] = feeder_start[at] + medium.count[at] + before - first
    blocks = _Blocks(feeder_start, block_start, block)
    return _assembled(territory, medium, poles, blocks, angle_rad, practice.rules["drop_extra_m"])


def _assembled(
    territory: Territory,
    medium: _Medium,
    poles: Poles,
    blocks: _Blocks,
    angle_rad: FloatArray,
    drop_extra_m: float,
) -> Layout:
    """Give the nodes their numbers, and join each column of medium voltage, terminals, poles and service points."""
    start, home = blocks.start, territory.meter_transformer
    number_t, number_n = np.arange(len(start)), np.arange(len(home))
    pole_count = np.bincount(poles.transformer, minlength=len(start))
    order = np.argsort(home, kind="stable")
    meter_at = np.empty(len(home), dtype=np.int64)
    meter_at[order] = (start + 1 + pole_count)[home[order]] + _running(home[order])
    medium_at = blocks.feeder_start[medium.feeder] + _running(medium.feeder)
    pole_at = start[poles.transformer] + 1 + _running(poles.transformer)
    stations = np.flatnonzero(medium.transformer >= 0)
    stations = stations[np.argsort(medium.transformer[stations])]
    hv = medium_at[stations]
    # A pole of number -1 stands for the terminals.
    pole_or_start = np.append(pole_at, -1)
    parents = (
        np.where(medium.parent < 0, -1, medium_at[medium.parent]),
        hv,
        np.where(poles.parent < 0, start[poles.transformer], pole_or_start[poles.parent]),
        np.where(poles.meter_pole < 0, start[home], pole_or_start[poles.meter_pole]),
    )
    depth_t = medium.depth[stations] + 1
    pole_depth = depth_t[poles.transformer] + poles.depth
    meter_depth = np.where(poles.meter_pole < 0, depth_t[home], np.append(pole_depth, 0)[poles.meter_pole]) + 1
    off_x = poles.meter_x_m - np.append(poles.x_m, 0.0)[poles.meter_pole]
    off_y = poles.meter_y_m - np.append(poles.y_m, 0.0)[poles.meter_pole]
    drop_m = np.hypot(off_x, off_y) + drop_extra_m
    kind = np.where(medium.transformer >= 0, Kind.TRANSFORMER_HV, Kind.MV_JUNCTION)
    kind[medium.parent < 0] = Kind.SUBSTATION
    lat, lon = _pole_places(territory, poles, angle_rad)
    place = np.argsort(np.concatenate([medium_at, start, pole_at, meter_at]), kind="stable")

    def joined(*parts: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate(parts)[place]

    none_m, none_t, none_p = (np.full(len(a), -1) for a in (medium_at, start, pole_at))
    kinds = (np.full_like(a, value) for a, value in zip((start, pole_at, meter_at), _LOW_KINDS, strict=True))
    return Layout(
        feeder_start=blocks.feeder_start,
        parent=joined(*parents),
        depth=joined(medium.depth, depth_t, pole_depth, meter_depth),
        kind=joined(kind, *kinds).astype(np.int8),
        lat=joined(medium.lat, territory.transformer_lat, lat, territory.meter_lat),
        lon=joined(medium.lon, territory.transformer_lon, lon, territory.meter_lon),
        transformer=joined(medium.transformer, number_t, poles.transformer, home),
        meter=joined(none_m, none_t, none_p, number_n),
        length_m=joined(medium.length_m, np.zeros(len(start)), poles.span_m, drop_m),
        block_start=start,
        block_stop=start + blocks.size,
        transformer_hv=hv,
        meter_node=meter_at,
    )


def _running(group: IntArray) -> IntArray:
    """Return the number of each member in its group, from 0; groups stand together."""
    if len(group) == 0:
        return np.empty(0, dtype=np.int64)
    first = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
    return np.asarray(np.arange(len(group)) - np.repeat(first, np.diff(np.append(first, len(group)))))


def _medium(territory: Territory, angle_rad: FloatArray, practice: Practice) -> _Medium:
    """Route all feeders, those with the same number of transformers at once."""
    feeders = len(territory.feeder_substation)
    by_feeder = np.argsort(territory.transformer_feeder, kind="stable")
    sizes = np.bincount(territory.transformer_feeder, minlength=feeders)
    starts = np.cumsum(sizes) - sizes
    parts = []
    for size in np.unique(sizes).tolist():
        which = np.flatnonzero(sizes == size)
        of = by_feeder[starts[which][:, None] + np.arange(size)]
        parts.append(_routed(territory, which, of, angle_rad[which, None], practice.rules["path_weight"]))
    feeder, transformer, parent, depth, lat, lon, length = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(feeder, kind="stable")
    count = np.bincount(feeder, minlength=feeders)
    feeder, transformer, parent = feeder[order], transformer[order], parent[order]
    parent = np.where(parent < 0, -1, parent + (np.cumsum(count) - count)[feeder])
    stands = transformer >= 0
    lat, lon, at = lat[order], lon[order], transformer[stands]
    lat[stands], lon[stands] = territory.transformer_lat[at], territory.transformer_lon[at]
    return _Medium(feeder, transformer, parent, depth[order], lat, lon, length[order], count)


def _routed(
    territory: Territory, which: IntArray, of: IntArray, angle_rad: FloatArray, path_weight: float
) -> tuple[NDArray[Any], ...]:
    """Route feeders of one size; return feeder, transformer, parent, depth, latitude, longitude, length of their nodes.

    Parents count from the first node of the feeder.
    """
    size, f = of.shape[1], np.arange(len(which))
    substation = territory.feeder_substation[which]
    lat0, lon0 = territory.substation_lat[substation][:, None], territory.substation_lon[substation][:, None]
    m_per_deg_lon = M_PER_DEG * np.cos(np.radians(lat0))
    east = (territory.transformer_lon[of] - lon0) * m_per_deg_lon
    north = (territory.transformer_lat[of] - lat0) * M_PER_DEG
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    origin = np.zeros((len(which), 1))
    x, y = np.hstack([origin, cos * east + sin * north]), np.hstack([origin, cos * north - sin * east])
    trees = street_trees(x, y, path_weight)
    exists = _there(trees.parent, size)
    order = np.argsort(np.where(exists, trees.rank, _LAST), axis=1, kind="stable")
    place = np.argsort(order, axis=1, kind="stable")
    up = np.take_along_axis(trees.parent, order, axis=1)
    parent = np.where(up < 0, -1, place[f[:, None], np.maximum(up, 0)])
    before = np.maximum(parent, 0)
    is_transformer = (order >= 1) & (order <= size)
    transformer = np.where(is_transformer, of[f[:, None], np.clip(order - 1, 0, size - 1)], -1)
    sx, sy = np.take_along_axis(trees.x_m, order, axis=1), np.take_along_axis(trees.y_m, order, axis=1)
    metres = np.hypot(sx - sx[f[:, None], before], sy - sy[f[:, None], before])
    length = np.where(parent < 0, 0.0, np.maximum(metres, _SHORTEST_M))
    depth = np.zeros_like(order)
    for k in range(1, order.shape[1]):
        depth[:, k] = depth[f, before[:, k]] + 1
    lat = round_deg(lat0 + (sin * sx + cos * sy) / M_PER_DEG)
    lon = round_deg(lon0 + (cos * sx - sin * sy) / m_per_deg_lon)
    feeder = np.broadcast_to(which[:, None], order.shape)
    there = np.take_along_axis(exists, order, axis=1)
    return tuple(column[there] for column in (feeder, transformer, parent, depth, lat, lon, length))


def _there(parent: IntArray, size: int) -> NDArray[np.bool_]:
    """Tell which slots are in use: all but the corners of routes that are straight."""
    slot = np.arange(parent.shape[1])
    return np.asarray((slot <= size) | (parent >= 0), dtype=bool)


def _poles(territory: Territory, angle_rad: FloatArray, service_radius_m: float, practice: Practice) -> Poles:
    home = territory.meter_transformer
    lat0, lon0 = territory.transformer_lat[home], territory.transformer_lon[home]
    east = (territory.meter_lon - lon0) * M_PER_DEG * np.cos(np.radians(lat0))
    north = (territory.meter_lat - lat0) * M_PER_DEG
    angle = angle_rad[territory.transformer_feeder]
    cos, sin = np.cos(angle)[home], np.sin(angle)[home]
    grid = StreetGrid.of(service_radius_m, practice.rules["span_m"])
    return street_poles(cos * east + sin * north, cos * north - sin * east, home, len(territory.transformer_lat), grid)


def _pole_places(territory: Territory, poles: Poles, angle_rad: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the poles' latitude and longitude, rounded as all places."""
    angle = angle_rad[territory.transformer_feeder[poles.transformer]]
    cos, sin = np.cos(angle), np.sin(angle)
    lat0, lon0 = territory.transformer_lat[poles.transformer], territory.transformer_lon[poles.transformer]
    lat = lat0 + (sin * poles.x_m + cos * poles.y_m) / M_PER_DEG
    lon = lon0 + (cos * poles.x_m - sin * poles.y_m) / (M_PER_DEG * np.cos(np.radians(lat0)))
    return round_deg(lat), round_deg(lon)
