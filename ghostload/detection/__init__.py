"""Anomaly detectors on monthly readings, and how well they really do.

Importing this room imports no model; scikit-learn is loaded when one is fitted.
"""

from ghostload.detection.benchmark import not_run, run_benchmark
from ghostload.detection.contract import check_detector
from ghostload.detection.detector import DETECTORS, Detector, DetectorSpec, find_detector, register_detector
from ghostload.detection.features import (
    FEATURE_SETS,
    FeatureTable,
    normalised_features,
    raw_features,
    simple_features,
)
from ghostload.detection.folds import transformer_folds
from ghostload.detection.leaderboard import Entry, Leaderboard
from ghostload.detection.metrics import Estimate, average_precision, evaluate, precision_at_k, roc_auc, share_found
from ghostload.detection.records import RECORDS, RecordErrors, recorded
from ghostload.detection.scores_file import read_scores
from ghostload.detection.scoring import quick_scores, score_detector
from ghostload.detection.truth import Truth, truth_of

__all__ = [
    "DETECTORS",
    "FEATURE_SETS",
    "RECORDS",
    "Detector",
    "DetectorSpec",
    "Entry",
    "Estimate",
    "FeatureTable",
    "Leaderboard",
    "RecordErrors",
    "Truth",
    "average_precision",
    "check_detector",
    "evaluate",
    "find_detector",
    "normalised_features",
    "not_run",
    "precision_at_k",
    "quick_scores",
    "raw_features",
    "read_scores",
    "recorded",
    "register_detector",
    "roc_auc",
    "run_benchmark",
    "score_detector",
    "share_found",
    "simple_features",
    "transformer_folds",
    "truth_of",
]
