"""Whether each part, process and peer of a site is well.

parts      is each part up
others     do the others answer that a node needs, its destinations above all
prefect    a question to it for somebody who waits
site       is there a gateway where one looked
running    with which addresses its processes run
heartbeat  the loops of this node's processes, by the files that each touches as it turns
liveness   whether all of them turn
readiness  whether a study that is sent now would be kept
services   what runs on this node, under the names that MONAI Deploy has for it
health     whether the parts answer, as MONAI Deploy tells it
"""
