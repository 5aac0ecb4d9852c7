"""Risk bands: how much a theft costs, from the share and the amount of energy lost."""

from __future__ import annotations

import numpy as np

from ghostload.streams import FloatArray, IntArray

SHARE_CUTS = (0.25, 0.50)
KWH_PER_MONTH_CUTS = (50.0, 200.0)


def severity(lost_kwh: FloatArray, exposed_kwh: FloatArray) -> FloatArray:
    """Lost share of what was drawn while the event was on; 0 where nothing was drawn. All arrays (E,)."""
    return np.divide(lost_kwh, exposed_kwh, out=np.zeros(len(lost_kwh)), where=exposed_kwh > 0.0)


def risk_band_index(lost_kwh: FloatArray, share: FloatArray, active_months: FloatArray) -> IntArray:
    """Position of each theft in :data:`ghostload.schema.RISK_BANDS`.

    A point each for a lost share above 25 % and above 50 %, and for more than 50 and more than 200 kWh lost in a month:
    three or four points are High, two are Medium, fewer Low. The tariff class does not enter.

    Parameters
    ----------
    lost_kwh, share, active_months : (E,) arrays
        Energy lost in the data, share lost, months of the data in which the theft was on.

    Returns
    -------
    (E,) array of int
    """
    monthly = lost_kwh / np.maximum(active_months, 1.0)
    points = np.digitize(share, SHARE_CUTS) + np.digitize(monthly, KWH_PER_MONTH_CUTS)
    band: IntArray = np.array([2, 2, 1, 0, 0], dtype=np.int64)[points]
    return band
