"""The messages of version 1 of the API, made from proto/tagwerk/v1."""
