"""Finds or builds with datamate what it reads on its standard input: a seed on each line.

usage: contend.py ROOT
"""

import random
import sys
import time
from pathlib import Path

import numpy as np
from datamate import Directory, set_root_dir

set_root_dir(Path(sys.argv[1]))
built = False


class Contended(Directory):
    """The same entries as in work.rs, all holding one token."""

    def __init__(self, config):
        global built
        built = True
        token = random.randrange(1, 2**63)
        self.x = np.full(1000, token, dtype=np.int64)
        time.sleep(random.uniform(0, 0.003))
        (self.path / "notes").write_text(str(token))
        self.nested = Directory()
        self.nested.y = np.full(10, token, dtype=np.int64)
        self.log = np.full((6, 3), token, dtype=np.int64)
        time.sleep(random.uniform(0, 0.003))
        (self.path / "t.csv").write_text(f"token\n{token}\n{token}\n{token}\n")
        self.last = np.array([token], dtype=np.int64)


def say(what):
    print(f"says: {what}", flush=True)


say("ready")
for line in sys.stdin:
    built = False
    try:
        Contended(dict(type="Contended", seed=int(line)))
        say("built" if built else "found")
    except Exception as error:  # noqa: BLE001
        say(f"failed {type(error).__name__}: {error}")
