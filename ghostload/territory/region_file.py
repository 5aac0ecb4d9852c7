"""Reading districts from GeoJSON; every fault is named with its file and feature."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ghostload.errors import RegionError, did_you_mean
from ghostload.streams import FloatArray
from ghostload.territory.geometry import GeometryArray, area_m2, geometry_array
from ghostload.territory.region import Region

NAME_PROPERTIES = (
    *("barangay", "brgy", "brgy_name", "bgy_name", "barangay_name", "adm4_en", "adm4_name", "name_4", "name_3"),
    *("district", "district_name", "adm3_en", "adm3_name", "neighbourhood", "neighborhood", "ward", "suburb"),
    *("name", "name_en", "label"),
)
"""Properties tried for the district's name, in this order, in any case."""

CITY_PROPERTIES = (
    *("city", "municipality", "city_name", "mun_name", "municipality_name", "citymun", "city_mun"),
    *("adm3_en", "adm3_name", "name_2", "town"),
)
"""Properties tried for the city's name."""

POPULATION_PROPERTIES = (
    "population",
    "pop",
    "pop_2020",
    "pop2020",
    "population_2020",
    "totpop",
    "total_population",
    "weight",
)
"""Properties tried for the population. The last is what ghostload itself writes."""

_KINDS = ("Polygon", "MultiPolygon")


@dataclass(frozen=True)
class _Features:
    """The features of one file; numbers in messages count from 1."""

    where: str
    items: Sequence[Mapping[str, Any]]

    def error(self, position: int, text: str, name: str | None = None) -> RegionError:
        called = f' ("{name}")' if name else ""
        return RegionError(f"{self.where}: feature {position + 1}{called}: {text}")

    def properties(self, position: int) -> Mapping[str, Any]:
        properties = self.items[position].get("properties")
        return properties if isinstance(properties, Mapping) else {}


def read_region_file(
    path: Path,
    *,
    name_property: str | None = None,
    city_property: str | None = None,
    population_property: str | None = None,
) -> Region:
    """Read a GeoJSON file of polygons as a region.

    Parameters
    ----------
    path : Path
    name_property, city_property, population_property : str, optional
        Properties to use; without them the usual names are tried.

    Raises
    ------
    RegionError
        The file is missing or not GeoJSON, or a feature cannot be a district.
    """
    where = path.name or str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RegionError(f"{path}: no such file; give a GeoJSON file of polygons") from None
    except UnicodeDecodeError:
        raise RegionError(f"{where}: is not text in UTF-8; save it as GeoJSON in UTF-8") from None
    except OSError as error:
        raise RegionError(f"{path}: cannot be read ({error.strerror or error})") from None
    try:
        collection = json.loads(text)
    except (ValueError, RecursionError) as error:
        detail = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise RegionError(f"{where}: is not JSON ({detail}); give a GeoJSON file of polygons") from None
    return region_of_features(
        collection,
        where=where,
        name_property=name_property,
        city_property=city_property,
        population_property=population_property,
    )


def region_of_features(
    collection: Any,
    *,
    where: str,
    name_property: str | None = None,
    city_property: str | None = None,
    population_property: str | None = None,
) -> Region:
    """Make a region from a parsed FeatureCollection; parameters and errors as :func:`read_region_file`."""
    features = _Features(where, _features_of(collection, where))
    name_key = _property(features, "name_property", name_property, NAME_PROPERTIES, required=True)
    names = _texts(features, name_key or "", required=True)
    taken = tuple(p for p in CITY_PROPERTIES if p.casefold() != (name_key or "").casefold())
    city_key = _property(features, "city_property", city_property, taken)
    cities = _texts(features, city_key, names=names) if city_key else [""] * len(names)
    polygons = _polygons(features, names)
    population_key = _property(features, "population_property", population_property, POPULATION_PROPERTIES)
    weights = _populations(features, population_key, names) if population_key else area_m2(polygons)
    try:
        return Region.of(names, cities, weights, polygons)
    except RegionError as error:
        raise RegionError(f"{where}: {error}") from None


def _features_of(collection: Any, where: str) -> list[Mapping[str, Any]]:
    kind = collection.get("type") if isinstance(collection, Mapping) else type(collection).__name__
    if kind != "FeatureCollection":
        raise RegionError(f"{where}: is a {kind!r}, must be a GeoJSON FeatureCollection")
    features = collection.get("features")
    if not isinstance(features, list):
        raise RegionError(f'{where}: "features" is missing or no list; give a GeoJSON FeatureCollection')
    for position, feature in enumerate(features):
        if not isinstance(feature, Mapping):
            raise RegionError(f"{where}: feature {position + 1}: is no JSON object; give a GeoJSON feature")
    if not any(_kind(feature) in _KINDS for feature in features):
        raise RegionError(f"{where}: has no polygons; each district is a Polygon or MultiPolygon with a name")
    return features


def _kind(feature: Mapping[str, Any]) -> str:
    geometry = feature.get("geometry")
    return str(geometry.get("type")) if isinstance(geometry, Mapping) else "feature without geometry"


def _property(
    features: _Features, setting: str, given: str | None, usual: Iterable[str], *, required: bool = False
) -> str | None:
    """Choose the property to read: the given one, or the first usual one that any feature has."""
    present: dict[str, str] = {}
    for position in range(len(features.items)):
        for key in features.properties(position):
            present.setdefault(key.casefold(), key)
    known = sorted(present.values())
    if given is not None:
        if given not in known:
            raise RegionError(f"{features.where}: no feature has the property {given!r}{did_you_mean(given, known)}")
        return given
    for candidate in usual:
        if candidate in present:
            return present[candidate]
    if required:
        have = f"features have {', '.join(known)}" if known else "features have no properties"
        raise RegionError(
            f"{features.where}: found no property with the name of a district ({have}); set territory.{setting}"
        )
    return None


def _texts(features: _Features, key: str, *, required: bool = False, names: Sequence[str] | None = None) -> list[str]:
    """Read a property that is text (a number is taken as text)."""
    texts = []
    for position in range(len(features.items)):
        value = features.properties(position).get(key)
        name = names[position] if names else None
        if value is None or (isinstance(value, str) and not value.strip()):
            if required:
                raise features.error(position, f"has no name; fill its property {key!r}")
            value = ""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise features.error(position, f"property {key!r} is {value!r}, must be text", name)
        texts.append(" ".join(str(value).split()))
    return texts


def _polygons(features: _Features, names: Sequence[str]) -> GeometryArray:
    """Build all polygons; refuse what is no polygon, lies outside the globe, or crosses itself."""
    found: list[BaseGeometry] = []
    for position, feature in enumerate(features.items):
        kind = _kind(feature)
        if kind not in _KINDS:
            raise features.error(position, f"is a {kind}, must be a Polygon or MultiPolygon", names[position])
        try:
            outline = _outline(feature["geometry"])
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, shapely.errors.ShapelyError) as error:
            text = f"its coordinates are no {kind} ({' '.join(str(error).split()) or type(error).__name__})"
            raise features.error(position, f"{text}; see RFC 7946, section 3.1", names[position]) from None
        found.append(outline)
    polygons = geometry_array(found)
    _check_place(features, polygons, names)
    _check_valid(features, polygons, names)
    return polygons


def _outline(geometry: Mapping[str, Any]) -> BaseGeometry:
    coordinates = geometry["coordinates"]
    if geometry["type"] == "Polygon":
        return _polygon(coordinates)
    return shapely.MultiPolygon([_polygon(part) for part in coordinates])


def _polygon(rings: Any) -> shapely.Polygon:
    outer, *holes = (_ring(ring) for ring in rings)
    return shapely.Polygon(outer, holes)


def _ring(ring: Any) -> FloatArray:
    """Corners of a ring as floats, without heights."""
    corners = np.array(ring)
    if corners.dtype.kind not in "iuf" or not np.isfinite(corners).all():
        raise ValueError("a coordinate is no number")
    if corners.ndim != 2 or corners.shape[1] < 2 or len(corners) < 4:
        raise ValueError("a ring needs four or more positions [lon, lat]")
    return corners[:, :2].astype(np.float64)


def _check_place(features: _Features, polygons: GeometryArray, names: Sequence[str]) -> None:
    corners, owner = shapely.get_coordinates(polygons, return_index=True)
    bad = ~((np.abs(corners[:, 0]) <= 180) & (np.abs(corners[:, 1]) <= 90))
    if not bad.any():
        return
    first = int(np.argmax(bad))
    x, y = (float(v) for v in corners[first])
    cure = "convert it from projected metres to longitude and latitude (WGS 84, EPSG:4326)"
    if abs(x) <= 90 and abs(y) <= 180:
        cure = "positions are [longitude, latitude]; swap the two"
    raise features.error(
        int(owner[first]), f"has the position [{x:g}, {y:g}], not degrees; {cure}", names[int(owner[first])]
    )


def _check_valid(features: _Features, polygons: GeometryArray, names: Sequence[str]) -> None:
    empty = shapely.is_empty(polygons)
    if empty.any():
        first = int(np.argmax(empty))
        raise features.error(first, "has no coordinates; leave it out", names[first])
    bad = ~shapely.is_valid(polygons)
    if bad.any():
        first = int(np.argmax(bad))
        reason = str(shapely.is_valid_reason(polygons[first]))
        fault = "polygon crosses itself" if "elf-intersection" in reason else "polygon is not valid"
        raise features.error(first, f"{fault} ({reason}); repair it with shapely.make_valid", names[first])


def _populations(features: _Features, key: str, names: Sequence[str]) -> FloatArray:
    weights = np.empty(len(names))
    for position, name in enumerate(names):
        value = features.properties(position).get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < np.inf:
            shown = "missing" if value is None else repr(value)
            raise features.error(position, f"{key} is {shown}, must be a number, 0 or more", name)
        weights[position] = value
    if not weights.sum() > 0:
        raise RegionError(f"{features.where}: {key} is 0 in every feature; give people to at least one district")
    return weights
