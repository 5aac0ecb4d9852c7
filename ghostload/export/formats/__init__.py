"""A data set in the forms that other programs read: CSV of the readings, one DuckDB file, Green Button XML."""

from ghostload.export.formats.csv_files import export_csv
from ghostload.export.formats.duckdb_file import export_duckdb
from ghostload.export.formats.green_button import export_green_button
from ghostload.export.formats.intervals import Wanted

__all__ = ["Wanted", "export_csv", "export_duckdb", "export_green_button"]
