"""Detectors that use the transformers' meters, interval readings and voltages, each on top of what comes before."""

from __future__ import annotations

from ghostload.detection.detector import DetectorSpec, register_detector
from ghostload.detection.outliers import NormalisedIsolationForest
from ghostload.detection.rules import ColumnScore
from ghostload.detection.supervised import GradientBoosting

INFORMATION = {
    "months": "normalised",
    "balance": "normalised+balance",
    "intervals": "normalised+intervals",
    "interval_balance": "normalised+intervals+balance+interval_balance",
    "voltage": "normalised+intervals+balance+voltage",
}
"""What each step of information adds: months alone; with transformers' months; with intervals; with the balance of
intervals; with voltages."""

_WORDS = {
    "balance": "months and the transformers' own meters",
    "intervals": "months and interval readings",
    "interval_balance": "interval readings and the transformers' own meters",
    "voltage": "interval readings, the transformers' own meters, and voltages",
}

for _name, _words in _WORDS.items():
    register_detector(
        DetectorSpec(
            f"gradient_boosting_{_name}",
            f"gradient_boosting on {_words}",
            GradientBoosting,
            features=INFORMATION[_name],
            supervised=True,
        )
    )

_RULES = (
    ("rule_balance", "energy that the transformer misses, by whose months it follows", "balance", "balance_score"),
    ("rule_residual", "transformer's excess regressed on registered energies", "interval_balance", "residual_score"),
    ("rule_voltage", "power that voltages show and the meter does not register", "voltage", "voltage_score"),
)

for _name, _words, _features, _column in _RULES:
    register_detector(
        DetectorSpec(_name, _words, lambda _: ColumnScore(), features=_features, columns=(_column,)),
    )

register_detector(
    DetectorSpec(
        "isolation_forest_intervals",
        "isolation forest on interval readings",
        NormalisedIsolationForest,
        features="intervals",
        informed=False,
    )
)
