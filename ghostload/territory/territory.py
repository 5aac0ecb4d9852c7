"""The territory: where everything stands, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

from ghostload.config.model import GeneratorConfig
from ghostload.scratch import Scratch
from ghostload.streams import FloatArray, IntArray, Streams
from ghostload.territory.build import build_region
from ghostload.territory.feeders import place_feeders
from ghostload.territory.meters import assign_transformers, place_meters, transformer_weights
from ghostload.territory.region import Region
from ghostload.territory.transformers import place_transformers


@dataclass(frozen=True, eq=False)
class Territory:
    """Substations, feeders, transformers and meters of a region; S, F, T and N of them.

    All coordinates are WGS 84 degrees with 6 decimals, on land and within the bounds.

    Attributes
    ----------
    region : Region
    substation_lat, substation_lon : (S,) arrays
    feeder_substation : (F,) array of substation indices
    transformer_lat, transformer_lon : (T,) arrays
    transformer_barangay : (T,) array of district indices
        District in which the transformer stands.
    transformer_feeder : (T,) array of feeder indices
    meter_transformer : (N,) array of transformer indices
    meter_lat, meter_lon : (N,) arrays
    meter_barangay : (N,) array of district indices
        District in which the service point stands; near a border it may be another than its transformer's. Where the
        polygons of a region file overlap, the transformer's district goes before others.
    """

    region: Region
    substation_lat: FloatArray
    substation_lon: FloatArray
    feeder_substation: IntArray
    transformer_lat: FloatArray
    transformer_lon: FloatArray
    transformer_barangay: IntArray
    transformer_feeder: IntArray
    meter_transformer: IntArray
    meter_lat: FloatArray
    meter_lon: FloatArray
    meter_barangay: IntArray


def build_territory(
    config: GeneratorConfig, streams: Streams, region: Region | None = None, *, scratch: Scratch | None = None
) -> Territory:
    """Place everything that a config asks for.

    Parameters
    ----------
    config : GeneratorConfig
    streams : Streams
    region : Region, optional
        Without it, :func:`ghostload.territory.build_region` of the config.
    scratch : Scratch, optional
        Where the arrays lie; by default in the system's temporary folder when they are large.

    Raises
    ------
    ConfigError
        As :func:`ghostload.territory.build_region`.
    """
    scratch = scratch or Scratch()
    region = build_region(config) if region is None else region
    per_feeder = config.territory.transformers_per_feeder
    feeders = place_feeders(region, -(-config.transformers // per_feeder), per_feeder, streams, scratch)
    transformers = place_transformers(
        region, feeders, config.transformers, per_feeder, config.spatial_clustering_strength, streams, scratch
    )
    weights = transformer_weights(config.transformers, streams, scratch)
    meter_transformer = assign_transformers(config.num_meters, weights, streams, scratch)
    meter_lon, meter_lat, meter_barangay = place_meters(
        region,
        transformers,
        meter_transformer,
        feeders.angle_rad,
        config.territory.service_radius_m,
        streams,
        scratch,
    )
    return Territory(
        region=region,
        substation_lat=feeders.substation_lat,
        substation_lon=feeders.substation_lon,
        feeder_substation=feeders.substation,
        transformer_lat=transformers.lat,
        transformer_lon=transformers.lon,
        transformer_barangay=transformers.barangay,
        transformer_feeder=transformers.feeder,
        meter_transformer=meter_transformer,
        meter_lat=meter_lat,
        meter_lon=meter_lon,
        meter_barangay=meter_barangay,
    )
