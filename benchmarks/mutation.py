"""Damage bytes at random, as a disk, a transfer or a stranger does."""

from __future__ import annotations

from random import Random

LARGEST = 1 << 16  # bytes of an input
SIGNS = (
    *(b"\x00", b"\xff", b"\n", b"\r", b"\t", b" ", b'"', b"-1", b"1e99", b"9" * 400, b"[" * 2000),
    *(b"\xff\xff\xff\x7f", b"\xff" * 8, b"\xed\xa0\x80", b"\xe2\x80\xa8", b"null", b"{}", b"[]"),
)


def mutated(content: bytes, random: Random) -> bytes:
    """The content after one to four changes; at most 64 KB."""
    if random.random() < 0.02:
        return random.randbytes(random.randrange(200))
    changed = bytearray(content)
    for _ in range(random.randint(1, 4)):
        at, length = random.randint(0, len(changed)), random.choice((1, 1, 2, 4, 8, 32))
        match random.randrange(6):
            case 0:
                changed[at : at + 1] = bytes([random.randrange(256)])
            case 1:
                changed[at : at + length] = b""
            case 2:
                changed[at:at] = changed[at : at + 8 * length]
            case 3:
                changed[at:at] = random.choice(SIGNS)
            case 4:
                changed[at : at + length] = random.choice(SIGNS)
            case _:
                del changed[at if random.random() < 0.3 else len(changed) :]
    return bytes(changed[:LARGEST])
