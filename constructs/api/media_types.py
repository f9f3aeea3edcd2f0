"""Content types of requests that are no text, for models of other tasks than text."""

_AUDIO = ("flac", "m4a", "mp4", "mpeg", "ogg", "wav", "wave", "webm", "x-flac", "x-m4a", "x-wav")
_IMAGE = ("jpeg", "png", "webp")

BINARY_MEDIA_TYPES = (
    "application/octet-stream",
    "application/x-image",
    *(f"audio/{kind}" for kind in _AUDIO),
    *(f"image/{kind}" for kind in _IMAGE),
    "multipart/form-data",
    "video/mp4",
    "video/webm",
)
"""Content types whose bodies API Gateway passes to the function in base 64, of which 4.5 MB fit into Lambda's 6 MB.

JSON is not among them: as text 6 MB of it pass. Answers that stream need no such type (API Gateway documentation,
"Stream the integration response for your proxy integrations").
"""
