"""Makes every file of vectors in this folder again: `python -m tests.vectors.gatt.make`, from the project's folder.

Run it after a deliberate change of the profile, and say so in the changelog. With fixed keys, nonces and times the same
files come out; the tests beside it hold that.
"""

from . import (
    make_acts,
    make_answers,
    make_gatt,
    make_pairs,
    make_proofs,
    make_refusals,
    make_resume,
    make_sessions,
    make_tries,
    make_waits,
    make_wire,
)

RECIPES = (
    make_gatt,
    make_refusals,
    make_pairs,
    make_wire,
    make_sessions,
    make_resume,
    make_answers,
    make_acts,
    make_proofs,
    make_tries,
    make_waits,
)

if __name__ == "__main__":
    for recipe in RECIPES:
        for name, content in recipe.make().items():
            (recipe.FOLDER / name).write_text(recipe.text(content), encoding="utf-8")
