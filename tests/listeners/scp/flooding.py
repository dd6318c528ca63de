"""A sender of crumbs: `python -m tests.listeners.scp.flooding PORT ASSOCIATIONS`, until killed.

Each association has begun an instance, whose data set it sends in fragments of one byte, a PDU each.
"""

import struct
import sys
import threading

from tests.listeners.scp.raw_peer import C_STORE_RQ, COMMAND, LAST, RawPeer, command

_CRUMB = struct.pack(">BxIIBB", 4, 7, 3, 1, 0) + b"x"


def flood(port: int, associations: int) -> None:
    """Send for ever."""
    peers = [RawPeer(port) for _ in range(associations)]
    for peer in peers:
        peer.associate()
        peer.send_pdvs((1, COMMAND | LAST, command(C_STORE_RQ)))
        peer.socket.settimeout(None)
        threading.Thread(target=_send, args=(peer,)).start()
    print("at it", flush=True)


def _send(peer: RawPeer) -> None:
    crumbs = _CRUMB * 5000
    while True:
        peer.socket.sendall(crumbs)


if __name__ == "__main__":
    flood(int(sys.argv[1]), int(sys.argv[2]))
