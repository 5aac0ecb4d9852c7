"""Wires of a few feeders at a time, so that those of all need not be held."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, fields, replace

import numpy as np

from ghostload.config.model import GeneratorConfig
from ghostload.consumption.customers import Customers
from ghostload.scratch import Scratch, taken
from ghostload.streams import FloatArray, IntArray, Streams
from ghostload.territory import Territory
from ghostload.territory.order import Grouped
from ghostload.wires.build import built, dealt
from ghostload.wires.model import Wires

FEEDERS_AT_ONCE = 16
"""Feeders whose wires are built together: fewer waste time on small arrays, more hold more. No byte depends on it."""
_KEPT = 3


@dataclass(frozen=True, eq=False)
class WiresPart:
    """Wires of consecutive feeders, whose meters, transformers and feeders are counted from 0 in ``wires``.

    Attributes
    ----------
    number : int
    wires : Wires
    feeders, transformers, meters : (F,), (T,), (N,) arrays
        Their numbers in the whole, ascending.
    """

    number: int
    wires: Wires
    feeders: IntArray
    transformers: IntArray
    meters: IntArray

    @classmethod
    def whole(cls, wires: Wires) -> WiresPart:
        """Return all wires as one part."""
        layout = wires.layout
        counts = (wires.feeders, len(layout.block_start), len(layout.meter_node))
        return cls(0, wires, *(np.arange(count) for count in counts))


class WiresInParts:
    """Builds the wires of any feeder, with those of its neighbours; the last few parts are kept.

    Parameters
    ----------
    territory : Territory
    customers : Customers
        Of all meters.
    capacity_kva : (T,) array
    config : GeneratorConfig
    streams : Streams
    by_feeder : Grouped
        The meters, feeder by feeder.
    scratch : Scratch, optional
        Where what is held of all meters lies.
    """

    def __init__(
        self,
        territory: Territory,
        customers: Customers,
        capacity_kva: FloatArray,
        config: GeneratorConfig,
        streams: Streams,
        by_feeder: Grouped,
        scratch: Scratch | None = None,
    ) -> None:
        self._territory, self._customers, self._capacity_kva = territory, customers, capacity_kva
        self._config, self._streams = config, streams
        self._by_feeder = by_feeder
        self._dealt = dealt(territory, config, streams, scratch)
        self._parts: OrderedDict[int, WiresPart] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Count the parts."""
        return -(-len(self._by_feeder) // FEEDERS_AT_ONCE)

    def of(self, feeder: int) -> tuple[WiresPart, int]:
        """Return the part that a feeder is in, and its number there."""
        number, local = self.place_of(feeder)
        return self.part(number), local

    def place_of(self, feeder: int) -> tuple[int, int]:
        """Return the number of the part that a feeder is in, and its number there."""
        return divmod(feeder, FEEDERS_AT_ONCE)

    def part(self, number: int) -> WiresPart:
        """Return a part; threads may ask at once."""
        with self._lock:
            if number not in self._parts:
                self._parts[number] = self._built(number)
                while len(self._parts) > _KEPT:
                    self._parts.popitem(last=False)
            self._parts.move_to_end(number)
            return self._parts[number]

    def _built(self, number: int) -> WiresPart:
        whole, start = self._territory, number * FEEDERS_AT_ONCE
        feeders = np.arange(start, min(start + FEEDERS_AT_ONCE, len(self._by_feeder)))
        transformers = np.arange(*np.searchsorted(whole.transformer_feeder, [start, feeders[-1] + 1]))
        meters = np.sort(self._by_feeder.of(start, len(feeders)))
        territory = replace(
            whole,
            feeder_substation=whole.feeder_substation[feeders],
            transformer_lat=whole.transformer_lat[transformers],
            transformer_lon=whole.transformer_lon[transformers],
            transformer_barangay=whole.transformer_barangay[transformers],
            transformer_feeder=whole.transformer_feeder[transformers] - start,
            meter_transformer=np.searchsorted(transformers, taken(whole.meter_transformer, meters)),
            meter_lat=taken(whole.meter_lat, meters),
            meter_lon=taken(whole.meter_lon, meters),
            meter_barangay=taken(whole.meter_barangay, meters),
        )
        names = [f.name for f in fields(Customers) if f.name != "start"]
        columns = {name: taken(getattr(self._customers, name), meters) for name in names}
        wires = built(
            territory,
            Customers(start=0, **columns),
            self._capacity_kva[transformers],
            self._config,
            self._dealt.of(feeders, transformers, meters),
        )
        return WiresPart(number, wires, feeders, transformers, meters)
