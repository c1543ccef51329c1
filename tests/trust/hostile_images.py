"""Images of strangers: huge by their headers, of many frames, or with much beside their pixels."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from tests.trust.hostile_data import case

IMAGES = "{a: {type: image}, label: {type: category}}"
SIZED = "{a: {type: image, column: image, size: 32, frame: 0}, label: {type: category}}"


def folder_of(folder: Path, suffix: str, make: Callable[[], bytes]) -> str:
    """Write one image as four files in folders of two classes; return the block of the source."""
    content = make()
    for name in "xy":
        (folder / "p" / name).mkdir(parents=True)
        for number in range(2):
            (folder / "p" / name / f"{number}{suffix}").write_bytes(content)
    return "{type: image_folder, path: p}"


def saved(kind: str, size: tuple[int, int], mode: str = "L", **how: object) -> bytes:
    """Return an image of zeros as a file."""
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind, **how)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *extra: bytes, data: bytes | None = None) -> bytes:
    """Return a grey PNG with further chunks before its pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    body = zlib.compress(bytes(min(width * height + height, 1 << 26))) if data is None else data
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def animated_png(frames: int) -> bytes:
    """Return a PNG of 4000 x 4000 pixels that repeats itself."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 4000, 4000, 8, 0, 0, 0, 0))
    body = zlib.compress(bytes(4001 * 4000), 9)
    parts = [chunk(b"acTL", struct.pack(">II", frames, 0))]
    number = 0
    for frame in range(frames):
        parts.append(chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, 4000, 4000, 0, 0, 1, 10, 0, 0)))
        kind, own = (b"fdAT", struct.pack(">I", number + 1)) if frame else (b"IDAT", b"")
        parts.append(chunk(kind, own + body))
        number += 1 + bool(frame)
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(parts) + chunk(b"IEND", b"")


@case("images: png of 63 megapixels", SIZED)
def _(folder: Path) -> str:
    return folder_of(folder, ".png", lambda: saved("PNG", (9000, 7000), "RGB"))


@case("images: png of 63 megapixels of 16 bits", SIZED)
def _(folder: Path) -> str:
    return folder_of(folder, ".png", lambda: saved("PNG", (9000, 7000), "I;16"))


@case("images: png of 2 x 2 ** 31 - 1", SIZED)
def _(folder: Path) -> str:
    return folder_of(folder, ".png", lambda: png(2, (1 << 31) - 1))


@case("images: png with 1 GB of pixels too many", SIZED)
def _(folder: Path) -> str:
    pack = zlib.compressobj(9)
    data = b"".join(pack.compress(bytes(1 << 24)) for _ in range(64)) + pack.flush()
    return folder_of(folder, ".png", lambda: png(64, 64, data=data))


@case("images: png with texts of 600 MB", SIZED)
def _(folder: Path) -> str:
    text = b"k\0\0" + zlib.compress(bytes(60 << 20), 9)
    return folder_of(folder, ".png", lambda: png(64, 64, *[chunk(b"zTXt", text)] * 10))


@case("images: png with a profile of 600 MB", SIZED)
def _(folder: Path) -> str:
    pack = zlib.compressobj(9)
    data = b"".join(pack.compress(bytes(1 << 24)) for _ in range(36)) + pack.flush()
    return folder_of(folder, ".png", lambda: png(64, 64, chunk(b"iCCP", b"k\0\0" + data)))


@case("images: animated png of 300 frames of 16 megapixels", SIZED)
def _(folder: Path) -> str:
    return folder_of(folder, ".png", lambda: animated_png(300))


@case("images: animated png, its last frame", SIZED.replace("frame: 0", "frame: 299"))
def _(folder: Path) -> str:
    return folder_of(folder, ".png", lambda: animated_png(300))


@case("images: gif of 20,000 frames, its last", SIZED.replace("frame: 0", "frame: 19999"))
def _(folder: Path) -> str:
    return folder_of(folder, ".gif", lambda: gif(20_000))


@case("images: gif of 20,000 frames", IMAGES)
def _(folder: Path) -> str:
    return folder_of(folder, ".gif", lambda: gif(20_000))


def gif(frames: int) -> bytes:
    """Return frames of one pixel on a screen of 8000 x 8000."""
    frame = b"\x21\xf9\x04\x08\x00\x00\x00\x00" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0)
    frame += b"\x02\x02\x44\x01\x00"
    head = b"GIF89a" + struct.pack("<HHBBB", 8000, 8000, 0x80, 0, 0) + bytes(6)
    return head + frame * frames + b";"


@case("images: webp of 63 megapixels", SIZED)
def _(folder: Path) -> str:
    return folder_of(folder, ".webp", lambda: saved("WEBP", (9000, 7000), "RGB", lossless=True, method=0))


@case("images: webp of 200 frames of 16 megapixels, its last", SIZED.replace("frame: 0", "frame: 199"))
def _(folder: Path) -> str:
    def make() -> bytes:
        file = io.BytesIO()
        frames = [Image.new("L", (2000, 2000), 255 * (number % 2)) for number in range(40)]
        frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:] * 5, lossless=True, method=0)
        return file.getvalue()

    return folder_of(folder, ".webp", make)


@case("images: tiff of 4 gigapixels", SIZED)
def _(folder: Path) -> str:
    return folder_of(folder, ".tif", lambda: tiff(1 << 16, 1 << 16))


@case("images: tiff of one strip that unpacks to 1 GB", SIZED)
def _(folder: Path) -> str:
    pack = zlib.compressobj(9)
    data = b"".join(pack.compress(bytes(1 << 24)) for _ in range(64)) + pack.flush()
    return folder_of(folder, ".tif", lambda: tiff(64, 64, data))


@case("images: tiff of 100,000 pages", SIZED)
def _(folder: Path) -> str:
    return folder_of(folder, ".tif", lambda: tiff(64, 64, pages=100_000))


@case("images: tiff of 65,535 samples a pixel", SIZED)
def _(folder: Path) -> str:
    return folder_of(folder, ".tif", lambda: tiff(8000, 8000, samples=65535))


def tiff(
    width: int, height: int, data: bytes = zlib.compress(bytes(1 << 12)), *, pages: int = 1, samples: int = 1
) -> bytes:
    """Return a grey TIFF of one deflated strip; its pages share it."""
    entries = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 8),
        (259, 3, 8),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, samples),
        (278, 4, height),
        (279, 4, len(data)),
    ]
    body = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries
    )
    start = 8 + len(data) + len(data) % 2
    size = len(body) + 4
    directories = [
        body + struct.pack("<I", start + (page + 1) * size if page + 1 < pages else 0)
        for page in range(pages)
    ]
    return b"II*\0" + struct.pack("<I", start) + data + bytes(len(data) % 2) + b"".join(directories)


@case("images: jpeg of 63 megapixels", SIZED)
def _(folder: Path) -> str:
    return folder_of(folder, ".jpg", lambda: saved("JPEG", (9000, 7000), "RGB"))


@case("images: jpeg of 400 scans of 60 megapixels", SIZED)
def _(folder: Path) -> str:
    def make() -> bytes:
        whole = saved("JPEG", (7700, 7800), "L", progressive=True)
        last = whole.rindex(b"\xff\xda")
        return whole[:-2] + whole[last:-2] * 400 + b"\xff\xd9"

    return folder_of(folder, ".jpg", make)


@case("images: jpeg 2000 of 63 megapixels", SIZED)
def _(folder: Path) -> str:
    return folder_of(folder, ".jp2", lambda: saved("JPEG2000", (9000, 7000), "L"))


@case("images: icon of 256 large entries", SIZED)
def _(folder: Path) -> str:
    body = saved("PNG", (7000, 9000), "L")
    head = struct.pack("<HHH", 0, 1, 256)
    entry = struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, len(body), 6 + 16 * 256)
    return folder_of(folder, ".ico", lambda: head + entry * 256 + body)


@case("images: bmp, runs of 63 megapixels", SIZED)
def _(folder: Path) -> str:
    head = b"BM" + struct.pack("<IHHI", 0, 0, 0, 1078)
    info = struct.pack("<IiiHHIIiiII", 40, 9000, 7000, 1, 8, 1, 2, 0, 0, 256, 0)
    return folder_of(folder, ".bmp", lambda: head + info + bytes(1024) + b"\0\1")


@case("images: ppm of 63 megapixels in text", SIZED)
def _(folder: Path) -> str:
    return folder_of(folder, ".pgm", lambda: b"P2 9000 7000 255\n" + b"0 " * 100)


@case("images in a table: bytes of 63 megapixels each", "{a: {type: image}, label: {type: category}}")
def _(folder: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = saved("PNG", (9000, 7000), "L")
    pq.write_table(pa.table({"a": [content] * 40, "label": list("xy" * 20)}), folder / "t.parquet")
    return "{type: parquet, path: t.parquet}"
