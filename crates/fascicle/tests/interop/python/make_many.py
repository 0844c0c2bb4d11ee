"""Builds many directories with datamate, or finds the one after them that fascicle built and builds one more.

usage: make_many.py ROOT make|continue COUNT
"""

import json
import sys

from datamate import Directory, set_root_dir

set_root_dir(sys.argv[1])
part, count = sys.argv[2], int(sys.argv[3])


class Trial(Directory):
    def __init__(self, config):
        assert part == "make" or config.index > count, f"{config} is built again"
        self.index = config.index


def config_of(index):
    return {"index": index, "label": f"trial: {index}"}


if part == "make":
    for index in range(count):
        # With a name, or datamate would read all metas for each.
        Trial(f"Trial_{index:04x}", config_of(index))
    print(json.dumps(count))
else:
    print(json.dumps([Trial(config_of(index)).path.name for index in (count, count + 1)]))
