"""The inference request of the ACR DSI as it is read: what a client asks to be retrieved for an algorithm.

vocabulary    the enumerations of the interface, and which interface serves what
wire          the request as it is sent, bound as MIG binds it
rules         what it has to keep
input_rules   what its inputs have to keep
request       what is left: what to fetch, from where, for which workflows
submission    from the bytes of a request to all this
"""
