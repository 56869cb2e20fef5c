"""What the README files show in Python runs as it stands, but for the address."""

import importlib.util
import os
import re
import subprocess
import sys
import unittest

from support import PATIENCE, ROOT, server

PLACES = ["README.md", "clients/python/README.md"]


class Readme(unittest.TestCase):
    def test_each_block_runs(self):
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "clients/python/src")}
        for place in PLACES:
            blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / place).read_text("utf-8"), re.DOTALL | re.MULTILINE)
            self.assertTrue(blocks, place)
            for number, block in enumerate(blocks):
                if any(use in block and not importlib.util.find_spec(package) for use, package in NEEDED.items()):
                    continue
                with self.subTest(place=place, number=number):
                    self.assertIn("127.0.0.1:50051", block)
                    block = block.replace("127.0.0.1:50051", server().address)
                    done = subprocess.run(
                        [sys.executable, "-c", block],
                        cwd=ROOT,
                        env=environment,
                        capture_output=True,
                        text=True,
                        timeout=PATIENCE,
                    )
                    self.assertEqual(done.returncode, 0, done.stderr)


NEEDED = {"to_pandas": "pandas", "to_spacy": "spacy", "protos_and_services": "grpc_tools"}
"""What a block needs that may not be there."""


if __name__ == "__main__":
    unittest.main()
