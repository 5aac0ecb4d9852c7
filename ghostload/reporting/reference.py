"""How real households' monthly energy behaves: the figures that generated data are held against.

Measured on four public sets. The sets have no clear licence and are not part of ghostload; these figures are:

* CER: Commission for Energy Regulation smart-metering trial, Ireland, 4,115 homes, 17 months.
* SGSC: Smart Grid, Smart City trial, Australia, 50 homes, 2 years.
* LCL: Low Carbon London, 50 homes.
* STEG: Tunisian electricity company, 66,656 customers, bills of four months.
"""

from __future__ import annotations

from dataclasses import dataclass

SINGLE_SOURCE_FACTOR = 1.5
"""Where one set alone gives a figure, values within this factor either way count as inside; a choice, not a source."""


@dataclass(frozen=True)
class Reference:
    """Range in which real sets lie for one quantity.

    Attributes
    ----------
    name : str
        Key of the quantity, as :mod:`ghostload.reporting.realism` measures it.
    label : str
        For people.
    low, high : float
    source : str
        The sets that give the ends of the range.
    min_months : int
        Shortest window in which the quantity can be measured.
    """

    name: str
    label: str
    low: float
    high: float
    source: str
    min_months: int = 12


def _single(name: str, label: str, value: float, source: str, min_months: int = 12) -> Reference:
    return Reference(
        name, label, value / SINGLE_SOURCE_FACTOR, value * SINGLE_SOURCE_FACTOR, f"{source}: {value:g}", min_months
    )


REFERENCES: tuple[Reference, ...] = (
    Reference("cv_p5", "variation of a customer's months (CV), 5 % quantile", 0.089, 0.159, "CER .089, STEG .159"),
    Reference("cv_p25", "CV, 25 % quantile", 0.135, 0.286, "CER .135, STEG .286"),
    Reference("cv_p50", "CV, median", 0.175, 0.435, "LCL .175, STEG .435"),
    Reference("cv_p75", "CV, 75 % quantile", 0.256, 0.669, "CER .256, STEG .669"),
    Reference("cv_p95", "CV, 95 % quantile", 0.395, 1.34, "LCL .395, STEG 1.34"),
    Reference("acf1_p50", "autocorrelation at 1 month, median", 0.49, 0.59, "CER .49, SGSC .59", 17),
    Reference("acf12_p50", "autocorrelation at 12 months, median", 0.06, 0.15, "SGSC .06, CER .15", 17),
    Reference("skew_p50", "skew of a customer's months, median", 0.12, 0.61, "LCL .12, STEG .61"),
    Reference("log_mean_sd", "spread of customers' log means", 0.557, 0.928, "CER .557, STEG .928"),
    Reference("gini", "Gini coefficient of customers' means", 0.274, 0.407, "CER .274, STEG .407"),
    Reference("zero_share", "share of months with nothing", 0.0, 0.054, "CER 0, STEG .054", 1),
    _single("amplitude_p50", "(max - min) / mean of a customer's months, median", 0.61, "CER"),
    _single("season_r2", "log variance within customers that the common season explains", 0.24, "CER"),
    _single("noise_kurtosis", "excess kurtosis of the log noise", 25.0, "CER"),
    _single("noise_acf1", "autocorrelation of the log noise at 1 month", 0.37, "CER"),
    _single("yoy_fall_30", "customers whose August to December fall by over 30 %", 0.040, "CER", 17),
    _single("yoy_fall_50", "customers who fall by over 50 %", 0.0097, "CER", 17),
    _single("yoy_fall_70", "customers who fall by over 70 %", 0.0036, "CER", 17),
    _single("yoy_rise_50", "customers who rise by over 50 %", 0.024, "CER", 17),
    _single("low_month", "customers with a month below half their median", 0.097, "CER"),
    _single("low_run_3", "customers with three such months in a row", 0.0165, "CER"),
)
