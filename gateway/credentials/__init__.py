"""What lets us in at the peers that a request names, in use and at rest.

authorization  the value of a header, and the service that it opens
key_file       the keys that encrypt it
vault          sealed and opened again
key_check      one key for all processes that share a database
"""
