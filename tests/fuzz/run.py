"""Run one fuzz target under atheris: `run.py TARGET CORPUS [libFuzzer options]`. `script/fuzz` calls this."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["bled_codec", "bled.home", "bled.grants", "bled.gatt"]):
    import air_targets
    import plugin_target
    import targets

from seeds import seeds_of


def target_of(name: str) -> tuple[Callable[[bytes], object], list[bytes]]:
    """Return what takes the bytes, and where it begins; `air-` stands before the names of what comes off the air."""
    if name == plugin_target.plugin.__name__:
        return plugin_target.plugin, plugin_target.seeds()
    if name.startswith("air-"):
        of_the_air = name.removeprefix("air-")
        promised = air_targets.air_seeds(of_the_air)[0] if of_the_air == "hs3" else None
        run = partial(air_targets.run_air_target, of_the_air)
        return run, [seed for seed in air_targets.air_seeds(of_the_air) if seed != promised]
    return partial(targets.run_target, name), seeds_of(name)


def main() -> None:
    """Write the seeds into the corpus folder, and fuzz until an option or a find ends it."""
    name, corpus = sys.argv[1], Path(sys.argv[2])
    corpus.mkdir(parents=True, exist_ok=True)
    run, seeds = target_of(name)
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number:03d}").write_bytes(seed)
    atheris.Setup([sys.argv[0], *sys.argv[2:]], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
