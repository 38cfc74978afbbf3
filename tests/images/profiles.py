"""ICC profiles as small as they may be: Display P3, and a gray of gamma 2.2."""

import struct


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(*values)


def _gamma(exponent: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(exponent * 256)) + bytes(2)


def _described(text: str) -> bytes:
    return b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text.encode() + bytes(79)


def _profile(space: bytes, **elements: bytes) -> bytes:
    shared = {
        "desc": _described("a test's"),
        "cprt": b"text" + bytes(4) + b"CC0\0",
        "wtpt": _xyz(0.9642, 1.0, 0.8249),
    }
    contents = {**shared, **elements}
    at = 128 + 4 + 12 * len(contents)
    table, body = b"", b""
    for name, content in contents.items():
        padded = content + bytes(-len(content) % 4)
        table += name.encode() + struct.pack(">II", at + len(body), len(content))
        body += padded
    header = struct.pack(
        ">I4sI4s4s4s", at + len(body), bytes(4), 0x02400000, b"mntr", space, b"XYZ "
    )
    header += bytes(12) + b"acsp" + bytes(28) + _fixed(0.9642, 1.0, 0.8249)
    return header.ljust(128, b"\0") + struct.pack(">I", len(contents)) + table + body


DISPLAY_P3 = _profile(
    b"RGB ",
    rXYZ=_xyz(0.51512, 0.2412, -0.00105),
    gXYZ=_xyz(0.29198, 0.69225, 0.04189),
    bXYZ=_xyz(0.1571, 0.06657, 0.78407),
    rTRC=_gamma(2.2),
    gTRC=_gamma(2.2),
    bTRC=_gamma(2.2),
)
GRAY = _profile(b"GRAY", kTRC=_gamma(2.2))
