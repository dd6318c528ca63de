"""A payload is found by Accession Number and Patient ID, and neither is kept: keyed digests of them are.

value     an identifier as it is digested: without padding, decoded
digests   what is kept of the identifiers of data sets, and what is asked for
key       the key that makes them, from its file

docs/finding.md tells what is kept where.
"""
