from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from reporting_tables import NASTY, QUOTED, meters, small, transformers
from tests_support import built

from ghostload.dataset import Dataset
from ghostload.errors import DataError
from ghostload.reporting.energy import balance_of
from ghostload.reporting.map_data import NOWHERE
from ghostload.reporting.map_page import render_map
from ghostload.reporting.payload import unpack
from ghostload.reporting.report_energy import energy_section
from ghostload.reporting.report_page import render_report

MONTHS = ["2025-01", "2025-02", "2025-03"]


def readings(**changes: Any) -> pa.Table:
    """The first and the last transformer have a meter; the rows stand in no order."""
    columns: dict[str, Any] = {
        "transformer_id": ["TX_0003"] * 3 + ["TX_0001"] * 3 + ["TX_9999"],
        "month": [*MONTHS[::-1], *MONTHS, "2025-01"],
        "registered_kwh": [2800.0, 2700.0, 2650.0, 950.0, 960.0, 970.0, 5.0],
    }
    return pa.table(columns | changes)


def truth(**changes: Any) -> pa.Table:
    rows = [(f"TX_000{t}", month) for t in (1, 2, 3) for month in MONTHS]
    delivered = np.array([951, 961, 971, 130, 140, 150, 2651, 2701, 2801], dtype=float)
    columns: dict[str, Any] = {
        "transformer_id": [t for t, _ in rows],
        "month": [m for _, m in rows],
        "delivered_kwh": delivered,
        "true_kwh": delivered - 10,
        "registered_kwh": np.array([900.1, 920.5, 910.2, 120, 130, 140, 2590, 2640, 2730.3]),
        "technical_loss_kwh": np.full(9, 10.0),
        "non_technical_loss_kwh": np.array([40, 30, 50, 0, 0, 0, 31313, 50, 60], dtype=float),
        "peak_kva": np.full(9, 5.0),
        "loading_pu": np.full(9, 0.5),
        "transformer_loss_kwh": np.full(9, 77.0),
    }
    return pa.table(columns | changes)


def balanced(**tables: pa.Table) -> Dataset:
    return small(**({"transformer_readings": readings(), "transformer_energy": truth()} | tables))


def content(html: str) -> tuple[dict[str, Any], dict[str, Any]]:
    found = re.search(r'id="energy-data">(.*?)</script>', html, re.S)
    assert found
    return unpack(json.loads(found[1]))


def test_without_truth_the_balance_is_what_meters_show() -> None:
    balance = balance_of(balanced(), truth=False)
    assert balance is not None
    assert balance.technical is None
    nan = np.nan
    np.testing.assert_array_equal(balance.delivered, [[950, 960, 970], [nan] * 3, [2650, 2700, 2800]])
    # A month of the second transformer's only meter is missing.
    np.testing.assert_allclose(balance.registered, [[900.1, 920.5, 910.2], [120, 130, nan], [2590, 2640, 2730.3]])
    np.testing.assert_allclose(balance.lost[0], [49.9, 39.5, 59.8])


def test_without_truth_the_pages_hold_nothing_of_the_true_balance() -> None:
    seen, unseen = balanced(), small(transformer_readings=readings())
    assert render_map(seen) == render_map(unseen)
    assert render_report(seen, truth=False) == render_report(unseen, truth=False)
    meta, arrays = content(render_map(seen))
    assert set(arrays) == {"delivered", "registered"}
    assert meta["truth"] is False


def test_with_truth_the_payload_tells_losses_apart() -> None:
    meta, arrays = content(render_map(balanced(), truth=True))
    assert meta["truth"] is True
    found = {name: meta["steps"][name] * array.reshape(3, 3) for name, array in arrays.items()}
    np.testing.assert_allclose(found["delivered"].reshape(-1), truth()["delivered_kwh"].to_numpy(), atol=1e-9)
    np.testing.assert_allclose(found["technical"], 10.0)
    np.testing.assert_allclose(found["non_technical"][2], [31313, 50, 60])


def test_what_is_not_known_is_marked_in_the_payload() -> None:
    _, arrays = content(render_map(balanced()))
    assert (arrays["delivered"].reshape(3, 3) == NOWHERE).tolist() == [[False] * 3, [True] * 3, [False] * 3]


def test_data_sets_without_balances_have_pages_as_before() -> None:
    html = render_map(small())
    assert "energy-data" not in html
    assert "startEnergy = " not in html
    assert 'id="energy"' not in render_report(small())
    no_months = meters().drop_columns([f"monthly_consumption_{m.replace('-', '')}" for m in MONTHS])
    assert balance_of(balanced(meters=no_months), truth=True) is None


@pytest.mark.parametrize("truth", [False, True])
def test_the_report_has_the_section_and_links_to_it(truth: bool) -> None:
    html = render_report(balanced(), truth=truth)
    assert energy_section(balanced(), truth=truth) in html
    assert '<a href="#energy">Energy balance</a>' in html
    assert ("technical loss" in html) is truth


def test_truth_without_the_true_balance_shows_the_meters() -> None:
    balance = balance_of(small(transformer_readings=readings()), truth=True)
    assert balance is not None
    assert balance.non_technical is None


def cells(section: str, caption: str) -> list[list[str]]:
    """Return the cells of a table's body."""
    table = section[section.index(caption) :]
    rows = re.findall(r"<tr>(.*?)</tr>", table[table.index("<tbody>") : table.index("</tbody>")])
    return [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in rows]


def test_the_report_adds_up_what_was_delivered_and_lost() -> None:
    section = energy_section(balanced(), truth=True)
    total = float(np.sum(truth()["delivered_kwh"].to_numpy()))
    rows = {name: (mwh, share) for name, mwh, share in cells(section, "both sides")}
    assert rows["delivered"] == (f"{total / 1e3:,.1f}", "100.00 %")
    assert rows["technical loss"][1] == f"{100 * 90 / total:.2f} %"
    hidden = float(np.sum(truth()["non_technical_loss_kwh"].to_numpy()))
    assert rows["non-technical loss"][1] == f"{100 * hidden / total:.2f} %"
    assert rows["in the transformers, before delivery"][0] == "0.7"
    worst = cells(section, "largest share")
    assert [row[0] for row in worst] == ["TX_0003", "TX_0001", "TX_0002"]
    assert worst[1][-1] == f"{100 * 120 / 2883:.2f} %"


def test_without_truth_the_report_ranks_by_loss_and_leaves_out_what_is_not_known() -> None:
    section = energy_section(balanced(), truth=False)
    assert "2 of 3 transformers" in section
    assert "technical" not in section
    worst = cells(section, "largest share of loss")
    assert [row[0] for row in worst] == ["TX_0001", "TX_0003"]
    assert worst[0][-1] == f"{100 * 149.2 / 2880:.2f} %"


def test_names_in_the_section_are_text() -> None:
    table = transformers(transformer_id=[NASTY, "TX_0002", QUOTED])
    section = energy_section(
        balanced(transformers=table, transformer_energy=truth(transformer_id=[NASTY] * 9)), truth=True
    )
    assert NASTY not in section
    assert "&lt;script&gt;alert(1)" in section


def test_a_column_that_is_missing_or_holds_no_numbers_is_named() -> None:
    with pytest.raises(DataError, match="column technical_loss_kwh is missing"):
        render_map(balanced(transformer_energy=truth().drop_columns("technical_loss_kwh")), truth=True)
    with pytest.raises(DataError, match="column registered_kwh"):
        render_report(balanced(transformer_readings=readings(registered_kwh=["x"] * 7)), truth=False)


@pytest.mark.parametrize("interval", [None, "1h"])
def test_months_and_intervals_alike_give_the_panel_its_balance(interval: str | None) -> None:
    dataset = built(num_meters=60, num_transformers=3, num_months=2, interval=interval)
    seen = dataset.frame("transformer_readings").registered_kwh.to_numpy().reshape(3, 2)
    true = dataset.frame("transformer_energy")
    for truth, delivered in ((False, seen), (True, true.delivered_kwh.to_numpy().reshape(3, 2))):
        meta, arrays = content(render_map(dataset, truth=truth))
        np.testing.assert_allclose(
            arrays["delivered"].reshape(3, 2) * meta["steps"]["delivered"], delivered, atol=meta["steps"]["delivered"]
        )
        assert meta["truth"] is truth
        page = render_report(dataset, truth=truth)
        assert 'id="energy"' in page
        assert 'id="feeders"' in page
