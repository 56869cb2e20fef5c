"""The unmodified client as it connects to Google: TLS, and an API key. Only api_endpoint is changed."""

import os
import unittest

from google.api_core import exceptions
from google.cloud import language_v1, language_v2

from service import ADDRESS, main, plain, plain_v2

# The certificates to trust stand in GRPC_DEFAULT_SSL_ROOTS_FILE_PATH.
KEY = os.environ["API_KEY"]


def options(key):
    return {"api_endpoint": ADDRESS, "api_key": key}


class ApiKeys(unittest.TestCase):
    def test_the_key_lets_both_versions_in(self):
        client = language_v1.LanguageServiceClient(client_options=options(KEY))
        answer = client.analyze_entities(document=plain("Nora Brandt kam aus Kiel."))
        self.assertEqual([entity.name for entity in answer.entities].count("Nora Brandt"), 1)
        client = language_v2.LanguageServiceClient(client_options=options(KEY))
        answer = client.analyze_entities(document=plain_v2("Nora Brandt kam aus Kiel."))
        self.assertEqual([entity.name for entity in answer.entities].count("Nora Brandt"), 1)

    def test_another_key_does_not(self):
        client = language_v1.LanguageServiceClient(client_options=options("not-" + KEY))
        with self.assertRaises(exceptions.Unauthenticated):
            client.analyze_entities(document=plain("Nora Brandt kam aus Kiel."))


if __name__ == "__main__":
    main()
