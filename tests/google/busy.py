"""The unmodified client in front of a queue that a few articles fill: it tries again by itself until all are answered."""

import os
import unittest
from concurrent.futures import ThreadPoolExecutor

from google.cloud.language_v1 import EncodingType

from service import client_v1, main, plain

TEXT = os.environ["TEXT"]
CALLS = 48


class Busy(unittest.TestCase):
    def test_every_call_is_answered_in_the_end(self):
        client = client_v1()

        def analyze(_):
            return client.analyze_entities(document=plain(TEXT), encoding_type=EncodingType.UTF8)

        with ThreadPoolExecutor(CALLS) as threads:
            answers = list(threads.map(analyze, range(CALLS)))
        self.assertTrue(answers[0].entities)
        self.assertTrue(all(answer == answers[0] for answer in answers))


if __name__ == "__main__":
    main()
