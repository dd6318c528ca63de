"""Inference requests of the ACR DSI: what a client asks to be retrieved for an algorithm, and where results may go.

As it is read:

vocabulary    the enumerations of the interface, and which interface serves what
wire          the request as it is sent, bound as MIG binds it
rules         what it has to keep
input_rules   what its inputs have to keep
request       what is left: what to fetch, from where, for which workflows
submission    from the bytes of a request to all this
studies_form  the same, from a form in the dashboard
identity      the ids that are derived from the transaction's

As it is kept:

acceptance    taken in, whoever brings it
tables, row   requests in the database
store         those, taken in and looked at
view          one as people see it
work          what the engine has to be told of them
lease         a run's right to go on with one
patience      how long that waits for its sources
outputs       where results go, for exports
"""
