"""What the use cases need of the outside world. Adapters keep these promises on real services, `testing` in memory.

Every method may raise `Unavailable` when the service behind it fails; nothing is then half done.
"""

from imagefactory.ports.executions import (
    MAX_TRANSITIONS_PER_COMMIT,
    Applied,
    Executions,
    Reopened,
    Reservation,
    Submits,
    Transition,
)
from imagefactory.ports.images import Drawing, Generated, ImageModel, Picture, PictureFormat, Pictures
from imagefactory.ports.services import Clock, Encryption, Images, Links, Tasks, Workflows

__all__ = [
    "MAX_TRANSITIONS_PER_COMMIT",
    "Applied",
    "Clock",
    "Drawing",
    "Encryption",
    "Executions",
    "Generated",
    "ImageModel",
    "Images",
    "Links",
    "Picture",
    "PictureFormat",
    "Pictures",
    "Reopened",
    "Reservation",
    "Submits",
    "Tasks",
    "Transition",
    "Workflows",
]
