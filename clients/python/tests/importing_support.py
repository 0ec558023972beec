"""Reading a file with an importer and looking at what it tells, by kind."""

import json
import os
import sys
import tempfile
import unittest
import zipfile
from decimal import Decimal
from pathlib import Path
from xml.sax.saxutils import escape

SAMPLES = Path(__file__).resolve().parent / "samples"
PACKAGE = Path(__file__).resolve().parents[1]
if str(PACKAGE) not in sys.path:
    sys.path.insert(0, str(PACKAGE))

from trueedge.importers import FileProblem, Options, Source, read  # noqa: E402
from trueedge.importers.model import NotCompared, Note, Printed, Raw, Skipped, Trade, Unreadable  # noqa: E402
from trueedge.importers.tally import Tally, compare  # noqa: E402
from trueedge.importers.values import to_json  # noqa: E402


class Found:
    """All items of one file."""

    def __init__(self, path, **said):
        self.items = list(read(Source(str(path), said.pop("encoding", None)), Options(**said)))
        self.events = [exactly(to_json(item.event)) for item in self.items if isinstance(item, Trade)]
        self.raw = [item for item in self.items if isinstance(item, Raw)]
        self.unreadable = [item for item in self.items if isinstance(item, Unreadable)]
        self.skipped = [item.kind for item in self.items if isinstance(item, Skipped)]
        self.notes = [item.text for item in self.items if isinstance(item, Note)]
        self.not_compared = [item for item in self.items if isinstance(item, NotCompared)]
        tally = Tally()
        for item in self.items:
            if isinstance(item, Trade):
                tally.add(item.event)
        printed = [item for item in self.items if isinstance(item, Printed)]
        self.totals = {result.name: result for item in printed if (result := compare(item, tally))}

    @property
    def closed(self):
        return [event for event in self.events if event["state"] == "closed"]

    def column(self, name):
        return [event.get(name) for event in self.events]


def exactly(text):
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


class ImportCase(unittest.TestCase):
    """A test with a folder for the files it makes."""

    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix="trueedge-import-")
        self.addCleanup(place.cleanup)
        self.folder = Path(place.name)

    def file(self, name, content, encoding="utf-8"):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    def sample(self, name):
        return (SAMPLES / name).read_text(encoding="utf-8")

    def assertWhole(self, path, words, **said):
        """The file as a whole is refused, and the message has these words."""
        with self.assertRaises(FileProblem) as caught:
            Found(path, **said)
        self.assertIn(words, str(caught.exception))


def workbook(path, rows, **parts):
    """A small .xlsx: texts are shared, numbers are numbers, ("f", formula, value) is a formula, None is no cell."""
    shared, lines = [], []
    for number, row in enumerate(rows, 1):
        cells = []
        for place, value in enumerate(row):
            name = f"{chr(65 + place)}{number}"
            if value is None:
                continue
            if isinstance(value, tuple) and value[0] == "f":
                cells.append(f'<c r="{name}"><f>{escape(value[1])}</f><v>{value[2]}</v></c>')
            elif isinstance(value, tuple):  # ("date", serial)
                cells.append(f'<c r="{name}" s="1"><v>{value[1]}</v></c>')
            elif isinstance(value, str):
                shared.append(value)
                cells.append(f'<c r="{name}" t="s"><v>{len(shared) - 1}</v></c>')
            else:
                cells.append(f'<c r="{name}"><v>{value!r}</v></c>')
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    content = {
        "[Content_Types].xml": "<Types/>",
        "xl/workbook.xml": f"<workbook {space}><sheets/></workbook>",
        "xl/styles.xml": f'<styleSheet {space}><cellXfs><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs></styleSheet>',
        "xl/sharedStrings.xml": f"<sst {space}>{''.join(f'<si><t>{escape(one)}</t></si>' for one in shared)}</sst>",
        "xl/worksheets/sheet1.xml": f"<worksheet {space}><sheetData>{''.join(lines)}</sheetData></worksheet>",
        **parts,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in content.items():
            packed.writestr(name, text)
    return path


def peak_megabytes(script, *arguments):
    """Peak memory of another Python that runs the script with the package on its path."""
    import subprocess

    head = f"import sys; sys.path.insert(0, {str(PACKAGE)!r})\n"
    # Not getrusage: a child's peak begins there with that of the parent it was forked from.
    tail = "\nprint('PEAK', open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])\n"
    done = subprocess.run(
        [sys.executable, "-c", head + script + tail, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ,
    )
    if done.returncode:
        raise AssertionError(done.stderr)
    return int(done.stdout.rpartition("PEAK ")[2]) / 1024
