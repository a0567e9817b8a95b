"""Images with Pillow, and what it does not know of broken ones."""

from imagefactory.adapters.pillow.codec import MAX_PIXELS, PillowImageCodec

__all__ = ["MAX_PIXELS", "PillowImageCodec"]
