"""Pictures that strangers send: read with suspicion, and made anew so that nothing but what can be seen is kept."""

import io

from PIL import Image, ImageOps

READ = ("JPEG", "PNG", "WEBP")
MEDIA_TYPE = "image/jpeg"
MOST_PIXELS = 8192 * 6144  # of a telephone with 50 megapixels; a small file can claim far more and fill the memory
LONGEST_SIDE = 2000
QUALITY = 85
WHITE = (255, 255, 255)


def made_anew(raw: bytes) -> bytes | None:
    """Return a picture as a JPEG of ours, without place, time, camera or anything hidden; None for what is no picture."""
    try:
        with Image.open(io.BytesIO(raw), formats=READ) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return None
            picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a large JPEG is read at a part of its size
            return _encoded(ImageOps.exif_transpose(picture))
    except Exception:  # noqa: BLE001 -- broken and hostile files raise whatever a decoder comes upon
        return None


def _encoded(picture: Image.Image) -> bytes:
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    seen = picture.convert("RGBA") if picture.has_transparency_data else picture.convert("RGB")
    plain = Image.new("RGB", seen.size, WHITE)  # a new one, for a converted picture still has what came with the old
    plain.paste(seen, mask=seen if seen.mode == "RGBA" else None)
    written = io.BytesIO()
    plain.save(written, "JPEG", quality=QUALITY)
    return written.getvalue()
