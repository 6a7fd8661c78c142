"""Run one fuzz target under atheris: `run.py TARGET CORPUS [libFuzzer options]`. `script/fuzz` calls this."""

import sys
from functools import partial
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["bled_codec", "bled.home", "bled.grants"]):
    import plugin_target
    import targets

from seeds import seeds_of


def main() -> None:
    """Write the seeds into the corpus folder, and fuzz until an option or a find ends it."""
    name, corpus = sys.argv[1], Path(sys.argv[2])
    corpus.mkdir(parents=True, exist_ok=True)
    is_plugin = name == plugin_target.plugin.__name__
    for number, seed in enumerate(plugin_target.seeds() if is_plugin else seeds_of(name)):
        (corpus / f"seed-{number:03d}").write_bytes(seed)
    run = plugin_target.plugin if is_plugin else partial(targets.run_target, name)
    atheris.Setup([sys.argv[0], *sys.argv[2:]], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
