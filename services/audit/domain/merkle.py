"""The Merkle tree of RFC 6962, section 2.1, over SHA-256.

Leaves and inner nodes are hashed with different first bytes, so that no inner node can be shown as a leaf.
"""

from collections.abc import Sequence
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()
_LEAF = b"\x00"
_NODE = b"\x01"


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry of the log."""
    return sha256(_LEAF + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(_NODE + left + right).digest()


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The tree head (Merkle Tree Hash) over these leaf hashes, in the order of the log.

    Pairing each level and lifting an odd last node gives the tree of the RFC: its left subtree is always the largest
    power of two smaller than the number of leaves.
    """
    if not leaf_hashes:
        return EMPTY_ROOT
    level = list(leaf_hashes)
    while len(level) > 1:
        paired = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = paired if len(level) % 2 == 0 else [*paired, level[-1]]
    return level[0]
