"""Green Button files keep the order, the types and the codes of ESPI, and another reader finds the readings in them.

The schema of NAESB REQ.21 (``espi.xsd``, version 4.0 of December 2023, Apache 2.0) was found in no package of PyPI or
npm, so it is not at hand here. ``ORDER`` and ``VALUES`` say what it says of the elements that are written: for each one
its children in the order of the sequence, which of them must be there, and their types.
"""

from __future__ import annotations

import os
import uuid
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest
from interval_samples import MONTHS, interval_sample

from ghostload.dataset import Dataset, load_dataset
from ghostload.errors import DataError, OutputError, UsageError
from ghostload.export.formats import Wanted, export_green_button

ATOM, ESPI = "{http://www.w3.org/2005/Atom}", "{http://naesb.org/espi}"
ORDER = {
    "UsagePoint": ("roleFlags", "ServiceCategory", "status", "serviceDeliveryPoint", "amiBillingReady"),
    "ServiceCategory": ("kind!",),
    "LocalTimeParameters": ("dstEndRule!", "dstOffset!", "dstStartRule!", "tzOffset!"),
    "MeterReading": (),
    "ReadingType": (
        "accumulationBehaviour", "commodity", "consumptionTier", "currency", "dataQualifier", "defaultQuality",
        "flowDirection", "intervalLength", "kind", "phase", "powerOfTenMultiplier", "timeAttribute", "tou", "uom",
        "cpp", "interharmonic", "measuringPeriod", "argument",
    ),
    "IntervalBlock": ("interval", "IntervalReading*"),
    "interval": ("duration!", "start!"),
    "IntervalReading": ("cost", "ReadingQuality*", "timePeriod", "value", "consumptionTier", "tou", "cpp"),
    "ReadingQuality": ("quality!",),
    "timePeriod": ("duration!", "start!"),
}  # fmt: skip
"""Children in the order of the schema: "!" has to be there, "*" may be there more than once."""
UINT8, UINT16, UINT32 = range(2**8), range(2**16), range(2**32)
INT48, INT64 = range(-(2**47), 2**47 + 1), range(-(2**63), 2**63)
VALUES = {
    "kind": UINT16, "status": UINT8, "dstOffset": INT64, "tzOffset": INT64, "accumulationBehaviour": UINT16,
    "commodity": UINT16, "dataQualifier": UINT16, "defaultQuality": UINT16, "flowDirection": UINT16,
    "intervalLength": UINT32, "powerOfTenMultiplier": range(-12, 10), "timeAttribute": UINT16, "uom": UINT16,
    "duration": UINT32, "start": INT64, "value": INT48, "quality": {0, *range(7, 20)},
}  # fmt: skip


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return load_dataset(interval_sample(tmp_path_factory.mktemp("green") / "set"))


def root(path: Path) -> ElementTree.Element:
    return ElementTree.fromstring(path.read_bytes())


def contents(feed: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return feed.findall(f"{ATOM}entry/{ATOM}content/{ESPI}{name}")


def check(element: ElementTree.Element) -> None:
    """Hold an element against the sequence and the types of the schema."""
    name = element.tag.removeprefix(ESPI)
    children = [child.tag.removeprefix(ESPI) for child in element]
    if name not in ORDER:
        assert not children, name
        text = element.text or ""
        if name in ("dstEndRule", "dstStartRule"):
            assert len(bytes.fromhex(text)) <= 4
        else:
            assert text == str(int(text)), name
            assert int(text) in VALUES[name], (name, text)
        return
    allowed = [child.rstrip("!*") for child in ORDER[name]]
    places = [allowed.index(child) for child in children]
    assert places == sorted(places), (name, children)
    for child in ORDER[name]:
        count = children.count(child.rstrip("!*"))
        assert count == 1 if child.endswith("!") else count <= 1 or child.endswith("*"), (name, child)
    for child in element:
        check(child)


def test_every_resource_keeps_the_sequence_and_the_types_of_espi(dataset: Dataset, tmp_path: Path) -> None:
    meters = ("MTR_000001", "MTR_000040", "MTR_000060")
    export_green_button(dataset, tmp_path / "x.xml", wanted=Wanted(meters))
    feed = root(tmp_path / "x.xml")
    resources = [entry.find(f"{ATOM}content")[0] for entry in feed.findall(f"{ATOM}entry")]  # type: ignore[index]
    assert {r.tag.removeprefix(ESPI) for r in resources} == {
        "UsagePoint", "LocalTimeParameters", "MeterReading", "ReadingType", "IntervalBlock",
    }  # fmt: skip
    for resource in resources:
        check(resource)


def test_the_check_finds_a_wrong_order_a_missing_child_and_a_wrong_value() -> None:
    espi = 'xmlns="http://naesb.org/espi"'
    for broken in (
        f"<IntervalReading {espi}><value>1</value><timePeriod><duration>1</duration><start>0</start></timePeriod>"
        "</IntervalReading>",
        f"<IntervalReading {espi}><timePeriod><start>0</start></timePeriod><value>1</value></IntervalReading>",
        f"<ReadingQuality {espi}><quality>3</quality></ReadingQuality>",
        f"<ReadingType {espi}><uom>Wh</uom></ReadingType>",
    ):
        with pytest.raises((AssertionError, ValueError)):
            check(ElementTree.fromstring(broken))


def test_the_feed_is_atom_with_ids_that_differ_and_links_that_lead_somewhere(dataset: Dataset, tmp_path: Path) -> None:
    export_green_button(dataset, tmp_path / "x.xml", wanted=Wanted(("MTR_000001", "MTR_000002")))
    feed = root(tmp_path / "x.xml")
    entries = [feed, *feed.findall(f"{ATOM}entry")]
    ids = [str(entry.findtext(f"{ATOM}id")) for entry in entries]
    # The feed; a clock and two types of readings; of each meter a point, two readings, and their two months.
    assert len(set(ids)) == len(ids) == 1 + 3 + 2 * (1 + 2 + 2 * 2)
    assert all(uuid.UUID(one.removeprefix("urn:uuid:")).version == 5 for one in ids)
    links = {rel: set() for rel in ("self", "up", "related")}  # type: dict[str, set[str]]
    for entry in entries:
        assert entry.findtext(f"{ATOM}title")
        assert datetime.fromisoformat(str(entry.findtext(f"{ATOM}updated"))).tzinfo is not None
        for link in entry.findall(f"{ATOM}link"):
            links[link.attrib["rel"]].add(link.attrib["href"])
    assert feed.findtext(f"{ATOM}author/{ATOM}name")
    assert links["related"] <= links["self"] | links["up"]


def test_the_readings_are_those_of_the_data_set_and_missing_ones_are_left_out(dataset: Dataset, tmp_path: Path) -> None:
    export_green_button(dataset, tmp_path / "x.xml", wanted=Wanted(("MTR_000001",)))
    feed = root(tmp_path / "x.xml")
    found = [
        (int(str(r.findtext(f"{ESPI}timePeriod/{ESPI}start"))), int(str(r.findtext(f"{ESPI}value"))))
        for block in contents(feed, "IntervalBlock")[: len(MONTHS)]
        for r in block.findall(f"{ESPI}IntervalReading")
    ]
    rows = dataset.readings(["MTR_000001"]).to_table().to_pylist()
    assert found == [(int(r["time"].timestamp()), r["registered_wh"]) for r in rows if r["flag"] != "M"]
    assert len(found) == sum(MONTHS.values()) - 3 * len(MONTHS)
    spans = [
        (int(str(block.findtext(f"{ESPI}interval/{ESPI}duration"))) // 3600)
        for block in contents(feed, "IntervalBlock")
    ]
    assert spans == 2 * list(MONTHS.values())


def test_voltages_are_a_reading_of_their_own_in_tenths_of_a_volt(dataset: Dataset, tmp_path: Path) -> None:
    export_green_button(dataset, tmp_path / "x.xml", wanted=Wanted(("MTR_000001",)))
    feed = root(tmp_path / "x.xml")
    codes = [{leaf.tag.removeprefix(ESPI): leaf.text for leaf in one} for one in contents(feed, "ReadingType")]
    assert [code["uom"] for code in codes] == ["72", "29"]
    assert (codes[1]["kind"], codes[1]["powerOfTenMultiplier"], codes[1]["intervalLength"]) == ("54", "-1", "3600")
    found = [
        (int(str(r.findtext(f"{ESPI}timePeriod/{ESPI}start"))), int(str(r.findtext(f"{ESPI}value"))))
        for block in contents(feed, "IntervalBlock")[len(MONTHS) :]
        for r in block.findall(f"{ESPI}IntervalReading")
    ]
    rows = dataset.readings(["MTR_000001"]).to_table().to_pylist()
    wanted = [(int(r["time"].timestamp()), round(10 * r["voltage_v"])) for r in rows if r["voltage_v"] is not None]
    assert found == wanted
    assert 0 < len(found) < len(rows)


def test_an_estimate_says_how_it_was_made(dataset: Dataset, tmp_path: Path) -> None:
    feeder_second = "MTR_000002"
    export_green_button(dataset, tmp_path / "x.xml", wanted=Wanted((feeder_second,)))
    codes = [
        (r.findtext(f"{ESPI}timePeriod/{ESPI}start"), r.findtext(f"{ESPI}ReadingQuality/{ESPI}quality"))
        for block in contents(root(tmp_path / "x.xml"), "IntervalBlock")[: len(MONTHS)]
        for r in block.findall(f"{ESPI}IntervalReading")
    ]
    rows = dataset.readings([feeder_second]).to_table().to_pylist()
    estimated = [str(int(r["time"].timestamp())) for r in rows if r["flag"] == "E"]
    assert [at for at, code in codes if code is not None] == estimated
    assert len(estimated) == len(MONTHS)
    assert {code for _, code in codes if code is not None} == {"9"}, "one hour is no longer than linear_hours"
    from dataclasses import replace

    assert dataset.config is not None
    none = replace(dataset.config, metering=replace(dataset.config.metering, linear_hours=0))
    export_green_button(replace(dataset, config=none), tmp_path / "y.xml", wanted=Wanted((feeder_second,)))
    quality = {q.text for q in root(tmp_path / "y.xml").iter(f"{ESPI}quality")}
    assert quality == {"8"}


def test_a_span_cuts_blocks_and_dates_the_feed(dataset: Dataset, tmp_path: Path) -> None:
    wanted = Wanted(("MTR_000003",), "2025-01-31T20:00", "2025-02-01T03:00")
    export_green_button(dataset, tmp_path / "x.xml", wanted=wanted)
    feed = root(tmp_path / "x.xml")
    blocks = contents(feed, "IntervalBlock")
    assert [len(block.findall(f"{ESPI}IntervalReading")) for block in blocks] == [4, 3, 4, 3]
    assert feed.findtext(f"{ATOM}updated") == "2025-02-01T03:00:00+08:00"


def test_two_runs_give_the_same_bytes_and_another_data_set_other_ids(dataset: Dataset, tmp_path: Path) -> None:
    wanted = Wanted(("MTR_000003", "MTR_000055"))
    assert export_green_button(dataset, tmp_path / "a", wanted=wanted) == 2
    export_green_button(dataset, tmp_path / "b", wanted=Wanted(wanted.meters[::-1]))
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["MTR_000003.xml", "MTR_000055.xml"]
    for name in ("MTR_000003.xml", "MTR_000055.xml"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    other = load_dataset(interval_sample(tmp_path / "other", seed=8))
    export_green_button(other, tmp_path / "c", wanted=wanted)
    mine, theirs = (
        {e.text for e in root(tmp_path / place / "MTR_000003.xml").iter(f"{ATOM}id")} for place in ("a", "c")
    )
    assert not mine & theirs


@pytest.mark.skipif(
    find_spec("greenbutton_objects") is None and not os.environ.get("CI"), reason="greenbutton-objects is not installed"
)
def test_another_reader_finds_the_same_energy(dataset: Dataset, tmp_path: Path) -> None:
    from greenbutton_objects import enums, parse

    meters = ["MTR_000001", "MTR_000030", "MTR_000060"]
    export_green_button(dataset, tmp_path / "x.xml", wanted=Wanted(tuple(meters)))
    points = parse.parse_feed(tmp_path / "x.xml")
    assert sorted(point.title for point in points) == meters
    for point in points:
        reading, volts = sorted(point.meterReadings, key=lambda one: str(one.title))
        assert volts.readingType.uom is enums.UomType.volts
        assert volts.readingType.kind is enums.KindType.voltage
        known = dataset.readings([point.title]).to_table()["voltage_v"].drop_null()
        assert sum(r.value for r in volts.intervalReadings) == pytest.approx(sum(known.to_pylist()), rel=1e-6)
        assert reading.readingType.uom is enums.UomType.wattHours
        assert reading.readingType.kind is enums.KindType.energy
        assert reading.readingType.accumulationBehaviour is enums.AccumulationBehaviourType.deltaData
        assert reading.readingType.commodity is enums.CommodityType.electricity
        assert point.serviceCategory is enums.ServiceKind.electricity
        table = dataset.readings([point.title]).to_table()
        total = sum(r.value for r in reading.intervalReadings)
        assert total == sum(wh for wh in table["registered_wh"].to_pylist() if wh is not None)
        starts = [r.timePeriod.start for r in reading.intervalReadings]
        seen = [row for row in table.to_pylist() if row["flag"] != "M"]
        assert starts == [row["time"] for row in seen]
        assert {r.timePeriod.duration for r in reading.intervalReadings} == {timedelta(hours=1)}


@pytest.mark.parametrize(
    ("target", "wanted", "error", "words"),
    [
        ("x.xml", Wanted(), UsageError, "--meter: is missing"),
        ("x.xml", Wanted(("MTR_000001",), truth=True), UsageError, "--truth: a Green Button file holds"),
        ("x.xml", Wanted(("MTR_1",)), UsageError, "MTR_1"),
        ("x.xml", Wanted(("MTR_000001",), "2031-01-01"), DataError, "has no reading between --from and --to"),
        ("no/x.xml", Wanted(("MTR_000001",)), OutputError, "does not exist"),
    ],
)
def test_what_cannot_be_is_named(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    target: str, wanted: Wanted, error: type[Exception], words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error) as caught:
        export_green_button(dataset, Path(target), wanted=wanted)
    assert words in str(caught.value)
    assert list(tmp_path.iterdir()) == []
