"""Extends `loss` row by row until there are ROWS rows, and with every fifth row the table `log`.

usage: extend_live.py ROOT DIRECTORY ROWS
"""

import json
import sys
import time

import pandas as pd
from datamate import Directory, set_root_dir

set_root_dir(sys.argv[1])
directory, rows = Directory(sys.argv[2]), int(sys.argv[3])
first = len(directory.loss) if "loss" in directory else 0
for row in range(first, rows):
    directory.extend("loss", [float(row)])
    if row % 5 == 0:
        directory.extend("log", pd.DataFrame({"row": [row], "text": [f"row {row}"]}))
    time.sleep(0.01)
print(json.dumps("extended"))
