"""Questions that are asked of every data set, as views of a DuckDB file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ghostload.schema import MONTH_PREFIX


@dataclass(frozen=True)
class View:
    """One view.

    Attributes
    ----------
    name, sql, comment : str
    needs : frozenset of str
        Tables without which it is not made.
    """

    name: str
    needs: frozenset[str]
    comment: str
    sql: str


def views(tables: frozenset[str], months: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return name, query and comment of each view that these tables allow.

    Parameters
    ----------
    tables : frozenset of str
    months : sequence of str
        Calendar months "YYYYMM" of the meter table.
    """
    known = [_monthly(months), *_VIEWS] if months else [view for view in _VIEWS if "monthly" not in view.name]
    return [(view.name, view.sql, view.comment) for view in known if view.needs <= tables]


def _monthly(months: Sequence[str]) -> View:
    pieces = [
        f"SELECT meter_id, '{month[:4]}-{month[4:]}' AS month, \"{MONTH_PREFIX}{month}\" AS registered_kwh FROM meters"
        for month in months
    ]
    text = "Registered energy of each meter and month, as one long table"
    return View("monthly", frozenset({"meters"}), text, " UNION ALL ".join(pieces))


_VIEWS = (
    View(
        "monthly_check",
        frozenset({"meters", "readings"}),
        "Sum of each month's readings against the meter table; what is missing explains a difference",
        """
        SELECT meter_id, month, monthly.registered_kwh, sums.intervals_kwh,
               monthly.registered_kwh - sums.intervals_kwh AS difference_kwh,
               sums.intervals, sums.missing, sums.estimated
        FROM monthly JOIN (
            SELECT meter_id, strftime(local_time, '%Y-%m') AS month,
                   coalesce(sum(registered_wh), 0) / 1000.0 AS intervals_kwh, count(*) AS intervals,
                   count(*) FILTER (flag = 'M') AS missing, count(*) FILTER (flag = 'E') AS estimated
            FROM readings GROUP BY ALL
        ) AS sums USING (meter_id, month)
        """,
    ),
    View(
        "transformer_intervals",
        frozenset({"transformers", "meters", "readings"}),
        "What the meters of each transformer registered, interval by interval",
        """
        SELECT transformer_id, time, local_time, coalesce(sum(registered_wh), 0) / 1000.0 AS meters_kwh,
               count(*) AS meters, count(*) FILTER (flag = 'M') AS missing
        FROM readings JOIN meters USING (meter_id) GROUP BY ALL
        """,
    ),
    View(
        "transformer_balance",
        frozenset({"transformers", "meters", "readings", "readings_transformers"}),
        "The transformer's own meter against the sum of its customers': the gap is losses, theft and missing readings",
        """
        SELECT transformer_id, time, local_time, own.registered_wh / 1000.0 AS transformer_kwh, meters_kwh,
               own.registered_wh / 1000.0 - meters_kwh AS gap_kwh, meters, missing
        FROM transformer_intervals JOIN readings_transformers AS own USING (transformer_id, time, local_time)
        """,
    ),
    View(
        "transformer_balance_monthly",
        frozenset({"transformers", "meters", "transformer_readings"}),
        "The same month by month, from the meter table",
        """
        SELECT transformer_id, month, own.registered_kwh AS transformer_kwh, sums.meters_kwh,
               own.registered_kwh - sums.meters_kwh AS gap_kwh, sums.meters
        FROM transformer_readings AS own JOIN (
            SELECT transformer_id, month, sum(registered_kwh) AS meters_kwh, count(*) AS meters
            FROM monthly JOIN meters USING (meter_id) GROUP BY ALL
        ) AS sums USING (transformer_id, month)
        """,
    ),
    View(
        "feeder_balance",
        frozenset({"transformers", "meters", "readings", "readings_feeders"}),
        "The meter at the head of each feeder against the sum of its customers': the gap is losses and theft",
        """
        SELECT feeder_id, time, local_time, own.registered_wh / 1000.0 AS feeder_kwh, meters_kwh,
               own.registered_wh / 1000.0 - meters_kwh AS gap_kwh, meters, missing
        FROM readings_feeders AS own JOIN (
            SELECT feeder_id, time, local_time, sum(meters_kwh) AS meters_kwh, sum(meters) AS meters,
                   sum(missing) AS missing
            FROM transformer_intervals JOIN transformers USING (transformer_id) GROUP BY ALL
        ) AS sums USING (feeder_id, time, local_time)
        """,
    ),
    View(
        "feeder_balance_monthly",
        frozenset({"transformers", "meters", "feeder_readings"}),
        "The same month by month, from the meter table",
        """
        SELECT feeder_id, month, own.registered_kwh AS feeder_kwh, sums.meters_kwh,
               own.registered_kwh - sums.meters_kwh AS gap_kwh, sums.meters
        FROM feeder_readings AS own JOIN (
            SELECT feeder_id, month, sum(registered_kwh) AS meters_kwh, count(*) AS meters
            FROM monthly JOIN meters USING (meter_id) JOIN transformers USING (transformer_id) GROUP BY ALL
        ) AS sums USING (feeder_id, month)
        """,
    ),
    View(
        "meters_labelled",
        frozenset({"meters", "anomaly_labels", "anomaly_events"}),
        "Ground truth: each meter with its label and the energy that its events lost",
        """
        SELECT meter_id, transformer_id, customer_class, barangay, "kVA", labels.anomaly_flag IS NOT NULL AS is_theft,
               labels.anomaly_type, labels.risk_band, coalesce(events.events, 0) AS events,
               coalesce(events.lost_kwh, 0) AS lost_kwh
        FROM meters LEFT JOIN anomaly_labels AS labels USING (meter_id) LEFT JOIN (
            SELECT meter_id, count(*) AS events, sum(lost_kwh) AS lost_kwh FROM anomaly_events GROUP BY meter_id
        ) AS events USING (meter_id)
        """,
    ),
    View(
        "unregistered",
        frozenset({"meters", "readings", "truth"}),
        "Ground truth: drawn less registered energy of each meter and interval; empty where the reading is missing",
        """
        SELECT meter_id, time, local_time, registered_wh, true_wh, true_wh - registered_wh AS unregistered_wh, flag
        FROM readings JOIN truth USING (meter_id, time, local_time)
        """,
    ),
)
