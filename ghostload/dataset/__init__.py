"""The data set: tables, manifest, and where they came from."""

from ghostload.dataset.dataset import Dataset
from ghostload.dataset.load import load_dataset

__all__ = ["Dataset", "load_dataset"]
