"""What lets us in at the peers that a request names, in use and at rest.

authorization  the value of a header, and the service that it opens
key_file       a file with keys: those that encrypt it, and those that digest what payloads are found by
vault          sealed and opened again
key_check      one key for all processes that share a database
"""
