"""Run one fuzz target under atheris: `run.py TARGET CORPUS [libFuzzer options]`. `script/fuzz` calls this."""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["bled_codec"]):
    import targets

from seeds import seeds_of


def main() -> None:
    """Write the seeds into the corpus folder, and fuzz until an option or a find ends it."""
    name, corpus = sys.argv[1], Path(sys.argv[2])
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds_of(name)):
        (corpus / f"seed-{number:03d}").write_bytes(seed)
    atheris.Setup([sys.argv[0], *sys.argv[2:]], lambda data: targets.run_target(name, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
