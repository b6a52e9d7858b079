"""The one decoder and the one frame numbering: frames of videos, of folders of pictures and of cameras."""

from metafacs.data.videos.camera import Camera
from metafacs.data.videos.containers import VIDEO_SUFFIXES
from metafacs.data.videos.encoding import encode_video
from metafacs.data.videos.folders import FrameFolder
from metafacs.data.videos.frames import Frame, FrameSource, VideoError
from metafacs.data.videos.recording import VideoRecorder
from metafacs.data.videos.selection import EVERY_FRAME, Selection, parse_time
from metafacs.data.videos.video import Video, count_frames, decode_frames

__all__ = [
    "EVERY_FRAME",
    "VIDEO_SUFFIXES",
    "Camera",
    "Frame",
    "FrameFolder",
    "FrameSource",
    "Selection",
    "Video",
    "VideoError",
    "VideoRecorder",
    "count_frames",
    "decode_frames",
    "encode_video",
    "parse_time",
]
