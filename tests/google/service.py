"""The clients of google-cloud-language as its documentation makes them, with nothing changed but the address."""

import os
import unittest

import grpc
from google.cloud import language_v1, language_v2
from google.cloud.language_v1.services.language_service.transports import (
    LanguageServiceGrpcTransport as TransportV1,
)
from google.cloud.language_v2.services.language_service.transports import (
    LanguageServiceGrpcTransport as TransportV2,
)

ADDRESS = os.environ["SERVER"]


def client_v1():
    return language_v1.LanguageServiceClient(transport=TransportV1(channel=grpc.insecure_channel(ADDRESS)))


def client_v2():
    return language_v2.LanguageServiceClient(transport=TransportV2(channel=grpc.insecure_channel(ADDRESS)))


def plain(content, language="de"):
    return {"content": content, "type_": language_v1.Document.Type.PLAIN_TEXT, "language": language}


def plain_v2(content, language="de"):
    return {"content": content, "type_": language_v2.Document.Type.PLAIN_TEXT, "language_code": language}


def html(content, language="de"):
    return {"content": content, "type_": language_v1.Document.Type.HTML, "language": language}


def violated(error):
    """The fields that a google.rpc.BadRequest names."""
    return [
        violation.field
        for detail in error.details
        for violation in getattr(detail, "field_violations", [])
    ]


def main():
    unittest.main(module="__main__", verbosity=2)
