"""What the use cases need of the outside world. Adapters keep these promises on real services, `testing` in memory.

Every method may raise `Unavailable` when the service behind it fails; nothing is then half done.
"""

from imagefactory.ports.executions import (
    MAX_TRANSITIONS_PER_COMMIT,
    Applied,
    Executions,
    Reopened,
    Reservation,
    Reservations,
    Transition,
)
from imagefactory.ports.images import (
    DecodedImage,
    GeneratedImage,
    GenerationRequest,
    ImageCodec,
    ImageFormat,
    ImageModel,
)
from imagefactory.ports.services import Clock, Encryption, ImageStore, ImageUrls, Tasks, Workflows

__all__ = [
    "MAX_TRANSITIONS_PER_COMMIT",
    "Applied",
    "Clock",
    "DecodedImage",
    "Encryption",
    "Executions",
    "GeneratedImage",
    "GenerationRequest",
    "ImageCodec",
    "ImageFormat",
    "ImageModel",
    "ImageStore",
    "ImageUrls",
    "Reopened",
    "Reservation",
    "Reservations",
    "Tasks",
    "Transition",
    "Workflows",
]
