"""Where things are: the region, its feeders and transformers, the service points, and the ratings."""

from ghostload.territory.build import build_region
from ghostload.territory.capacity import (
    STANDARD_RATINGS_KVA,
    diversified_peak_kva,
    fit_capacity_kva,
    standard_ratings_in,
)
from ghostload.territory.region import Region, region_geojson
from ghostload.territory.territory import Territory, build_territory

__all__ = [
    "STANDARD_RATINGS_KVA",
    "Region",
    "Territory",
    "build_region",
    "build_territory",
    "diversified_peak_kva",
    "fit_capacity_kva",
    "region_geojson",
    "standard_ratings_in",
]
