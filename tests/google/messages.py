"""Every message, field, number and type of our files is the one that Google's client has."""

import os
import unittest

from google.cloud import language_v1, language_v2
from google.protobuf import descriptor_pb2

from service import main


def messages(prefix, message):
    """A message and those within, by full name."""
    yield prefix + message.name, message
    for nested in message.nested_type:
        yield from messages(prefix + message.name + ".", nested)


def enums(prefix, file_or_message):
    for enum in file_or_message.enum_type:
        yield prefix + enum.name, enum
    for message in getattr(file_or_message, "message_type", None) or getattr(file_or_message, "nested_type", []):
        yield from enums(prefix + message.name + ".", message)


def files(names):
    """The files of a client that declare these services."""
    for module in names:
        file = descriptor_pb2.FileDescriptorProto()
        module.AnalyzeEntitiesRequest.pb().DESCRIPTOR.file.CopyToProto(file)
        yield file.package, file


class Messages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        ours = descriptor_pb2.FileDescriptorSet()
        with open(os.environ["DESCRIPTORS"], "rb") as file:
            ours.ParseFromString(file.read())
        cls.ours = {file.package: file for file in ours.file}
        cls.theirs = dict(files([language_v1.types.language_service, language_v2.types.language_service]))

    def pairs(self):
        for package, theirs in self.theirs.items():
            yield self.ours[package], theirs

    def test_fields_have_the_same_names_numbers_and_types(self):
        compared = 0
        for ours, theirs in self.pairs():
            known = {name: m for message in theirs.message_type for name, m in messages("", message)}
            for message in ours.message_type:
                for name, own in messages("", message):
                    fields = {field.name: field for field in known[name].field}
                    for field in own.field:
                        # proto-plus adds an underscore to names that Python has.
                        other = fields.get(field.name) or fields[field.name + "_"]
                        for what in ("number", "type", "type_name", "label"):
                            self.assertEqual(
                                getattr(field, what), getattr(other, what), f"{ours.package}.{name}.{field.name}"
                            )
                        oneofs = field.HasField("oneof_index"), other.HasField("oneof_index")
                        self.assertEqual(*oneofs, f"{ours.package}.{name}.{field.name}")
                        compared += 1
        self.assertGreater(compared, 80)

    def test_enums_have_the_same_names_and_numbers(self):
        compared = 0
        for ours, theirs in self.pairs():
            known = {name: {v.name: v.number for v in enum.value} for name, enum in enums("", theirs)}
            for name, enum in enums("", ours):
                own = {value.name: value.number for value in enum.value}
                self.assertEqual(own, known[name], f"{ours.package}.{name}")
                compared += 1
        self.assertEqual(compared, 8)

    def test_every_method_of_the_client_is_there(self):
        clients = (language_v1.LanguageServiceClient, language_v2.LanguageServiceClient)
        for package, client in zip(sorted(self.theirs), clients):
            methods = [method.name for method in self.ours[package].service[0].method]
            for method in methods:
                self.assertTrue(hasattr(client, snake(method)), method)
            calls = [name for name in dir(client) if name.split("_")[0] in ("analyze", "annotate", "classify", "moderate")]
            self.assertEqual(sorted(calls), sorted(map(snake, methods)))


def snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


if __name__ == "__main__":
    main()
