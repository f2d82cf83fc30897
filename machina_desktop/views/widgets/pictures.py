"""Pictures of people and teams: made small from a file, written as a data URL, read from one."""

from __future__ import annotations

import base64
import binascii
import contextlib
from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRect, QSize, Qt
from PySide6.QtGui import QImage, QImageReader, QPixmap

from machina_desktop.core.errors import InvalidInput

SIDE_PX = 128
FILE_BYTES = 20 << 20
KINDS = ("png", "jpg", "jpeg", "webp", "bmp", "gif")
"""Endings of files that are offered; what is in them decides whether they can be read."""
_LARGEST_PX = 20_000
_PREFIX = "data:image/"


def data_url_from(path: Path) -> str:
    """The middle of the picture in ``path`` as a square of 128 pixels, as the data URL of a PNG.

    Blocks: use a thread. It is turned as the camera says; an animation gives its first picture.

    Raises:
        InvalidInput: it is no picture, is damaged, or is too large.
    """
    try:
        size_bytes = path.stat().st_size
    except (OSError, ValueError) as error:
        raise _no_picture(f"The file {path.name} cannot be read.") from error
    if size_bytes > FILE_BYTES:
        raise _no_picture(f"{path.name} is larger than {FILE_BYTES >> 20} MB.")
    reader = QImageReader(str(path))
    # The content says what it is, whatever its name claims.
    reader.setDecideFormatFromContent(True)
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid() and max(size.width(), size.height()) > _LARGEST_PX:
        raise _no_picture(f"{path.name} has more than {_LARGEST_PX:,} pixels on a side.")
    if size.isValid() and min(size.width(), size.height()) > 2 * SIDE_PX:
        # Decoded small at once: a photograph of 50 megapixels takes as long as a small one.
        reader.setScaledSize(
            size.scaled(QSize(2 * SIDE_PX, 2 * SIDE_PX), Qt.AspectRatioMode.KeepAspectRatioByExpanding)
        )
    image = reader.read()
    if image.isNull():
        raise _no_picture(f"{path.name} is no picture that can be read.")
    return _data_url(_square(image))


@lru_cache(maxsize=64)
def picture_of(url: str) -> QPixmap:
    """The picture that a data URL holds; a null one for another address, or where it cannot be read. Qt thread."""
    made = QPixmap()
    if url.startswith(_PREFIX):
        # Damaged data leave it null.
        with contextlib.suppress(binascii.Error, ValueError):
            made.loadFromData(base64.b64decode(url.partition(",")[2], validate=True))
    return made


def _square(image: QImage) -> QImage:
    side = min(image.width(), image.height())
    middle = QRect((image.width() - side) // 2, (image.height() - side) // 2, side, side)
    smooth = Qt.TransformationMode.SmoothTransformation
    return image.copy(middle).scaled(SIDE_PX, SIDE_PX, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)


def _data_url(image: QImage) -> str:
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    # Without what the camera wrote into it: where and when it was taken is nobody's business.
    plain = image.convertToFormat(QImage.Format.Format_ARGB32)
    for key in plain.textKeys():
        plain.setText(key, "")
    plain.save(buffer, "PNG")  # type: ignore[call-overload]
    buffer.close()
    return f"{_PREFIX}png;base64,{base64.b64encode(data.data()).decode()}"


def _no_picture(message: str) -> InvalidInput:
    return InvalidInput(message, field="profile_picture_url", hint="Choose a PNG, JPEG or WebP file.", code="E-PICTURE")
