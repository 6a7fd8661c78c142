"""Which mutants of home's verification survived its tests, and whether mutants.md explains each. For `script/mutate`.

mutants.py mutants.jsonl
"""

import json
import sys
from collections import Counter
from pathlib import Path

EXPLAINED = Path(__file__).with_name("mutants.md")


def main() -> int:
    """Print how many mutants were killed and each survivor; return 1 when one is not explained."""
    outcomes: Counter[str] = Counter()
    unexplained = 0
    for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
        item, result = json.loads(line)
        outcome = "not run" if result is None else (result["test_outcome"] or result["worker_outcome"])
        outcomes[outcome] += 1
        if outcome != "killed":
            (mutation,) = item["mutations"]
            known = row_of(mutation) in EXPLAINED.read_text(encoding="utf-8")
            unexplained += not known
            sys.stdout.write(f"{outcome}{'' if known else ', NOT EXPLAINED'}: {row_of(mutation)}\n")
    sys.stdout.write(json.dumps({"mutants": sum(outcomes.values()), **outcomes, "unexplained": unexplained}) + "\n")
    return 1 if unexplained else 0


def row_of(mutation: dict) -> str:
    """Return how a mutant is named in mutants.md: what was done to which line."""
    row, _ = mutation["start_pos"]
    source = Path(mutation["module_path"]).read_text(encoding="utf-8").splitlines()[row - 1].strip()
    return f"| {mutation['operator_name'].removeprefix('core/')} | `{source.replace('|', chr(92) + '|')}` |"


if __name__ == "__main__":
    sys.exit(main())
