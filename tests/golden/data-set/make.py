"""Write ``expected.json`` again, after a change of the data that the changelog calls out as "data:".

python tests/golden/data-set/make.py
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

from ghostload import GeneratorConfig, SyntheticDataPipeline

FILES = (
    "transformers.csv",
    "meter_consumption.csv",
    "anomaly_labels.csv",
    "anomaly_events.csv",
    "transformers.geojson",
    "meters.geojson",
    "region.geojson",
)
CONFIG = {"num_meters": 2000, "num_months": 14, "random_seed": 20250101, "start_month": "2024-11"}


def main() -> None:
    """Make the data set and keep the hashes of its files."""
    pipeline = SyntheticDataPipeline(GeneratorConfig(**CONFIG))
    with tempfile.TemporaryDirectory() as name:
        folder = pipeline.save_outputs(pipeline.generate_all(), Path(name) / "made")
        hashes = {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in FILES}
    text = json.dumps({"config": CONFIG, "sha256": hashes}, indent=2) + "\n"
    Path(__file__).with_name("expected.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
