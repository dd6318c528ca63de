"""The local disk area that owns received data from the answer to the sender until the payload is announced.

An instance never moves, and where a payload's manifest stands is the payload's state:

    spool/node.json                        identity of this spool
    spool/scp/owner.lock                   held by the one process that receives
    spool/scp/incoming/<association>/<n>.dcm
    spool/scp/ready/<payload id>.json      closed: the manifest, written once
    spool/scp/uploading/<payload id>       its upload has begun
    spool/scp/uploaded/<payload id>        when all of it was stored, until the index has taken that over
    spool/scp/leases/<payload id>          the fencing token of its last run
    spool/scp/done/<payload id>.json       announced: what it lists may be deleted
    spool/scp/damaged/<payload id>/        bytes that were committed and do not verify

docs/spool.md tells the whole of it.
"""
