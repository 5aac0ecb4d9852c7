from __future__ import annotations

import numpy as np

from ghostload.dataset.ids import ids
from ghostload.schema import METERS, TABLES, feeder_id, meter_id, transformer_id


def test_meter_columns_stand_in_the_order_of_the_contract() -> None:
    names = [column.name for column in METERS.columns_for(["202501", "202502"])]
    assert names == [
        "meter_id",
        "transformer_id",
        "customer_class",
        "barangay",
        "lat",
        "lon",
        "monthly_consumption_202501",
        "monthly_consumption_202502",
        "kVA",
    ]


def test_every_foreign_key_points_at_a_key() -> None:
    for table in TABLES.values():
        assert table.primary_key in table.column_names
        for column, other, key in table.foreign_keys:
            assert column in table.column_names
            assert TABLES[other].primary_key == key


def test_every_column_is_described() -> None:
    for table in TABLES.values():
        for column in table.columns_for(["202501"]):
            assert column.description
            assert column.kind in {"string", "float", "integer", "month"}


def test_ids_are_padded_and_grow_wider() -> None:
    assert (transformer_id(0), feeder_id(99), meter_id(999_999)) == ("TX_0001", "FD_100", "MTR_1000000")
    assert ids("TX_", np.array([0, 9_999])).to_pylist() == ["TX_0001", "TX_10000"]
    assert ids("MTR_", np.array([], dtype=int)).to_pylist() == []
