"""Builds with datamate until it may end, or waits for a build of fascicle.

usage: slow_build.py build ROOT SEED      builds; ends when the file `_go` is in the root
       slow_build.py fail ROOT SEED       the same, with an error at the end
       slow_build.py wait ROOT SEED       asks for a directory that is being built, having made the file `_seen`
       slow_build.py replace ROOT SEED    builds under the name of the directory that it deletes
"""

import json
import sys
import time
from pathlib import Path

import datamate.directory
from datamate import Directory, set_root_dir

root, part, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
set_root_dir(root)


def wait_for(holds):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.01)


class SlowBuild(Directory):
    def __init__(self, config):
        assert part != "wait", f"{config} is built again"
        self.first = [1]
        wait_for((root / "_go").exists)
        if config.fails:
            raise RuntimeError("the build failed")
        self.last = [2]


if part == "fail":
    try:
        SlowBuild(seed=seed, fails=True)
    except RuntimeError:
        print(json.dumps(Directory("SlowBuild_0000").status))
elif part == "wait":
    # Only while it is running, or datamate would build it itself.
    wait_for((root / "SlowBuild_0000" / "first.h5").exists)
    assert Directory("SlowBuild_0000").status == "running"
    sleep = datamate.directory.sleep

    def sleep_and_tell(seconds):
        """The build may end once datamate waits for it."""
        (root / "_seen").touch()
        sleep(seconds)

    datamate.directory.sleep = sleep_and_tell
    built = SlowBuild(seed=seed, fails=False)
    assert built.status == "done" and built.last[:].tolist() == [2]
    assert built.built_by[()] == b"fascicle"
    print(json.dumps(built.path.name))
else:
    if part == "replace":
        Directory("SlowBuild_0000").rmtree("y")
    print(json.dumps(SlowBuild(seed=seed, fails=False).path.name))
