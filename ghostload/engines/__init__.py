"""How work that falls into independent tasks is spread: one after the other, threads, processes, a Dask cluster."""

from ghostload.engines.base import ENGINES, Engine, open_engine, processors

__all__ = ["ENGINES", "Engine", "open_engine", "processors"]
