"""Writes .caffemodel files: the few messages of Caffe's format that hold weights, byte by byte."""


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def blob(values, legacy=False):
    """A numpy array. `legacy`: four extents, as before blobs had shapes of any rank."""
    if legacy:
        extents = [1] * (4 - values.ndim) + list(values.shape)
        shape = b"".join(varint(number << 3) + varint(e) for number, e in enumerate(extents, 1))
    else:
        shape = field(7, field(1, b"".join(varint(e) for e in values.shape)))
    return shape + field(5, values.astype("<f4").tobytes())


def caffemodel(layers, legacy=False):
    """Of {name: [arrays]}."""
    result = field(1, b"net")
    for name, blobs in layers.items():
        if legacy:
            result += field(2, field(4, name.encode()) + b"".join(field(6, blob(b, True)) for b in blobs))
        else:
            result += field(100, field(1, name.encode()) + b"".join(field(7, blob(b)) for b in blobs))
    return result
