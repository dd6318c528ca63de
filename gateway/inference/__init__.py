"""Inference requests of the ACR DSI: what a client asks to be retrieved for an algorithm, and where results may go.

vocabulary    the enumerations of the interface
wire          the request as it is sent, bound as MIG binds it
rules         what it has to keep
input_rules   what its inputs have to keep
request       what is left: what to fetch, from where, for which workflows
credentials   what lets us in, apart from all that
key_file      the keys that encrypt those
vault         credentials at rest
inputs        what the request names, once each
submission    from the bytes of a request to all this
plan          which source serves which input
service       a service at an address that a request names
tables, row   requests in the database
view          one as people see it
store         those, taken in and looked at
key_check     one key for all processes that share a database
patience      how long that waits for its sources
problem       what went wrong with a source
outcome       how it ended, for its status
lease         a run's right to go on with one
outputs       where results go, for exports
identity      the ids that are derived from the transaction's
"""
