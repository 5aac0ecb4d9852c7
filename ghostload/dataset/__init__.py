"""The data set: tables, manifest, and where they came from."""

from ghostload.dataset.dataset import Dataset

__all__ = ["Dataset"]
