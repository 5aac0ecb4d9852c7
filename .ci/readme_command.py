"""Print the first or second command of the README, as it stands there: the blocks marked ``sh`` under "Start"."""

import re
import sys
from pathlib import Path

text = Path("README.md").read_text(encoding="utf-8")
start = text.split("\n## Start\n", 1)[1].split("\n## ", 1)[0]
blocks = re.findall(r"```sh\n(.*?)```", start, flags=re.DOTALL)
sys.stdout.write(blocks[int(sys.argv[1]) - 1])
