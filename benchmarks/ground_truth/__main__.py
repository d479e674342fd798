"""`make ground-truth`: recorded runs through a real sidecar, and the figures of the product beside what is known.

Usage: python -m benchmarks.ground_truth [--data FOLDER] [--out FILE.json] [--markdown] [stem …]. Every figure comes from
the product's own tables and answers after the import, none from the records. The page also has what holds of the
failing step on questions that the weights were not fitted to (`validation`).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks.ground_truth import convert, figures, models, records, report, validation
from benchmarks.ground_truth.asking import Asking, imported
from benchmarks.ground_truth.fit import DATA
from benchmarks.sidecar import Sidecar


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ground_truth", description=__doc__)
    parser.add_argument("stems", nargs="*", help="files to look at, without ending (default: all)")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of recorded runs")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    parser.add_argument("--markdown", action="store_true", help="write docs/ground_truth.md")
    options = parser.parse_args()
    paths = [path for path in sorted(options.data.glob("*.jsonl")) if not options.stems or path.stem in options.stems]
    if not paths:
        parser.error(f"no recorded runs (*.jsonl) in {options.data}; name their folder with --data")
    found = {}
    with tempfile.TemporaryDirectory(prefix="whichstep-truth-") as folder:
        data_dir = Path(folder) / "data"
        data_dir.mkdir()
        with Sidecar(data_dir, dashboard=False) as sidecar:
            asking = Asking(sidecar)
            for path in paths:
                runs = [(run, convert.convert(run, path.stem)) for run in records.read(path)]
                imported(asking, [converted for _, converted in runs])
                found[path.stem] = figures.of_file(asking, path.stem, runs)
                if by_release := models.of_file(asking, path.stem):
                    found[path.stem]["by_release"] = by_release
                print(report.line(path.stem, found[path.stem]), flush=True)
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if options.markdown:
        known = validation.read(options.data)
        report.write(found, validation.validated(known) if known.runs else None)


if __name__ == "__main__":
    main()
