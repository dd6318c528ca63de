"""What was sent to an S3 service, summed up as the service does it."""

import hashlib

from gateway.object_store.verified_reader import VerifiedReader


class SentParts:
    """Hands an upload's bytes to minio, which reads a part with each call, and knows the ETag that must come back.

    The last part is kept until then: where the service answers with a checksum, no MD5 is computed for a single PUT.
    """

    def __init__(self, reader: VerifiedReader) -> None:
        self._reader = reader
        self._digests: list[bytes] = []
        self._last = b""

    def read(self, size: int) -> bytes:
        if self._last:
            self._digests.append(_md5(self._last))
        self._last = self._reader.read(size)
        return self._last

    @property
    def etag(self) -> str:
        """The MD5 of a single PUT; of a multipart upload the MD5 of its parts' MD5s, and their number."""
        if not self._digests:
            return _md5(self._last).hex()
        digests = [*self._digests, _md5(self._last)]
        return f"{_md5(b''.join(digests)).hex()}-{len(digests)}"


def _md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()
