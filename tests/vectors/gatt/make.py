"""Makes every file of vectors in this folder again: `python tests/vectors/gatt/make.py`.

Run it after a deliberate change of the profile, and say so in the changelog. With fixed keys, nonces and times the same
files come out; the tests beside it hold that.
"""

import make_gatt
import make_wire

if __name__ == "__main__":
    for recipe in (make_gatt, make_wire):
        for name, content in recipe.make().items():
            (recipe.FOLDER / name).write_text(recipe.text(content), encoding="utf-8")
