"""Docstrings against signatures: what one states must be true; it need not repeat the signature."""

import re
import subprocess
import sys

from declare.dev.repository import ROOT

# Left out sections are not a mistake: a sentence and the signature are enough. DOC103 counts arguments both
# ways, so it is one only if the docstring names an argument that does not exist.
_INCOMPLETE = re.compile(
    r"DOC(101|201|402|40[34])\b|DOC103\b(?!.*in the docstring but not in the function signature)"
)


def check(*paths: str) -> int:
    """Run pydoclint over paths (the package) and print what contradicts a signature; returns an exit code."""
    words = (sys.executable, "-m", "pydoclint.main", "--quiet", *(paths or ("declare",)))
    done = subprocess.run(words, cwd=ROOT, check=False, capture_output=True, text=True)
    place, wrong = "", []
    for line in (done.stdout + done.stderr).splitlines():
        if not line.startswith(" "):
            place = line.strip() or place
        elif not _INCOMPLETE.search(line):
            wrong.append(f"{place}:{line.strip()}")
    if done.returncode not in {0, 1} or (done.returncode and not place):
        print(done.stdout + done.stderr)
        return 2
    print("\n".join(wrong) or "docstrings agree with signatures")
    return 1 if wrong else 0
