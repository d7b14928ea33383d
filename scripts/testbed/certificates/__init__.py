"""Certificates from an authority that speaks ACME: the commands of docs/certificates.md, run against pebble."""
