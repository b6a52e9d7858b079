"""The renderer: a person, a facial display and a scene become a picture with its exact labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from metafacs.synthesis.action_unit_shapes import pose
from metafacs.synthesis.activations import Activation
from metafacs.synthesis.closure import lip_gap, true_action_units
from metafacs.synthesis.face_model import (
    LASHES,
    LEFT_EYE,
    MOUTH_CAVITY,
    RIGHT_EYE,
    SKIN,
    TEETH,
    TONGUE,
    FaceModel,
    load_face_model,
)
from metafacs.synthesis.hair import Hair, grow_hair, shade_hair, strip_widening
from metafacs.synthesis.identities import Identity
from metafacs.synthesis.landmarks import locate_landmarks
from metafacs.synthesis.projection import View, frame_face
from metafacs.synthesis.rasterizer import Buffers, vertex_normals
from metafacs.synthesis.scenes import Scene
from metafacs.synthesis.shading import (
    Eyes,
    Lighting,
    Mesh,
    develop,
    shade_head,
    shade_lashes,
    skin_relief,
)
from metafacs.synthesis.shadows import SHADOW_SIZE, shadow_axes, shadow_view
from metafacs.synthesis.skin import IRIS_COLOURS, paint_skin
from metafacs.synthesis.texture_space import texture_coordinates
from metafacs.synthesis.wrinkles import add_wrinkles, age_map

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

SUPERSAMPLING = 2
"""Rendered pixels per picture pixel and axis."""

_EYE_DEPTH = 0.03
_TEETH_DEPTH = 0.01
_LASH_DEPTH = -0.004
_WIDE_OPEN = 0.25


@dataclass(frozen=True)
class Rendering:
    """A picture and everything known about it.

    Attributes:
        image: Shape (size, size, 3), uint8 sRGB.
        landmarks: Shape (68, 2), iBUG points in pixels (x right, y down; the centre of the first pixel is 0).
        pose: Yaw, pitch and roll in radians.
        action_units: AU -> intensity 0..1 that is true of the picture (see `closure`); absent AUs are 0.
        face_box: ``(x0, y0, x1, y1)`` in pixels, from the forehead to the chin.
        eye_centres: Shape (2, 2), pixels: the subject's left, then right eye.
        mouth_centre: Shape (2,), pixels.
    """

    image: NDArray[np.uint8]
    landmarks: Floats
    pose: tuple[float, float, float]
    action_units: dict[int, float]
    face_box: tuple[float, float, float, float]
    eye_centres: Floats
    mouth_centre: Floats


class Subject:
    """A person ready to be rendered: mesh, skin and hair are made once and kept.

    Args:
        identity: Who it is.
    """

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.mesh = resting_mesh(identity)
        self.skin = paint_skin(identity)
        self.hair: Hair | None = grow_hair(identity)

    @cached_property
    def resting_wrinkles(self) -> Floats:
        """Relief of the face at rest, shape (512, 512), in face units."""
        identity = self.identity
        heights = age_map() * np.float32(max(identity.age, 0.0) * identity.wrinkle_strength)
        heights += self.skin.pores
        for au, strength in identity.resting_wrinkles.items():
            add_wrinkles(heights, au, strength, strength)
        return heights

    @cached_property
    def lash_density(self) -> Floats:
        """How dark the lashes are at each vertex, 0..1."""
        female = self.identity.masculinity <= 0.5
        strength = 0.75 + 0.2 * min(self.identity.makeup, 1.0) if female else 0.50
        return np.where(_upper_lashes(), np.float32(strength), np.float32(0.22 * strength))


def resting_mesh(identity: Identity) -> Floats:
    """Return a person's head at rest, shape (vertex, 3), eyes in a standard place, lips closed."""
    model = load_face_model()
    vertices = model.macro_shape(
        identity.ancestry, identity.masculinity, identity.age, identity.muscle, identity.weight
    )
    for name, weight in identity.shape.items():
        vertices += np.float32(weight) * model.shapes[name]
    left, right = (vertices[eye].mean(0) for eye in model.eye_vertices)
    standard = model.eye_centres
    ratio = np.linalg.norm(standard[0] - standard[1]) / np.linalg.norm(left - right)
    # only partly normalised: wide-set eyes stay a trait
    vertices = (vertices - (left + right) / 2) * np.float32(ratio**0.6) + standard.mean(0)
    for unit, weight in identity.resting.items():
        vertices += np.float32(weight) * model.units[unit]
    return vertices


def render(subject: Subject, activation: Activation, scene: Scene) -> Rendering:
    """Return the picture of a person who shows a facial display in a scene, and its labels.

    The same arguments give the same bytes on one machine.

    Args:
        subject: The person.
        activation: Action units, their asymmetry and the gaze.
        scene: Head pose, framing, lights, background and size.

    Raises:
        ValueError: If the background does not fit the size, or the framing is impossible.
    """
    model = load_face_model()
    canvas = SUPERSAMPLING * scene.size
    if scene.background.shape != (canvas, canvas, 3):
        raise ValueError(
            f"the background has shape {scene.background.shape}; a picture of {scene.size} pixels needs "
            f"{(canvas, canvas, 3)}"
        )
    head_pose = (scene.yaw, scene.pitch, scene.roll)
    view = frame_face(
        subject.mesh[model.face_vertices], head_pose, scene.camera_distance, scene.framing, canvas
    )
    vertices = pose(subject.mesh, activation, subject.identity.gains, subject.identity.resting)
    gap = lip_gap(vertices)
    positions = view.to_camera_space(vertices)
    picture = np.array(scene.background, np.float32, order="C")
    xy = _draw(picture, subject, activation, scene, view, positions, gap) / np.float32(SUPERSAMPLING)
    # The rasteriser counts from the picture's edge, landmarks from the centre of its first pixel.
    landmarks = locate_landmarks(xy, view.rotation) - np.float32(0.5)
    face = xy[model.face_vertices]
    (left, top), (right, bottom) = face.min(0), face.max(0)
    return Rendering(
        image=develop(picture, scene.exposure, _display_values()),
        landmarks=landmarks,
        pose=head_pose,
        action_units=true_action_units(activation, gap),
        face_box=(float(left), float(top), float(right), float(bottom)),
        eye_centres=np.stack([landmarks[42:48].mean(0), landmarks[36:42].mean(0)]),
        mouth_centre=landmarks[[48, 51, 54, 57]].mean(0),
    )


def _draw(
    picture: Floats,
    subject: Subject,
    activation: Activation,
    scene: Scene,
    view: View,
    positions: Floats,
    gap: float,
) -> Floats:
    """Draw the head into the picture and return the pixel coordinates of its vertices."""
    model, parts = load_face_model(), _parts()
    canvas = len(picture)
    xy = view.to_picture(positions)
    depth = -positions[:, 2]
    depth[parts.eyes] += np.float32(_EYE_DEPTH)  # a squint pushes the lids into the eyeballs
    depth[parts.teeth] += np.float32(_TEETH_DEPTH)  # a stretched mouth pushes its corners into the teeth
    mesh = Mesh(
        model.triangles,
        model.surface,
        positions,
        vertex_normals(positions, model.triangles, parts.solid),
        parts.texels,
        model.neutral,
        parts.ambient,
        parts.shine,
    )
    lighting = _light(scene, mesh, parts.solid)
    wrinkles = subject.resting_wrinkles.copy()
    for au, intensity in activation.intensities.items():
        left, right = activation.asymmetry.get(au, (1.0, 1.0))
        strength = intensity * subject.identity.wrinkle_strength
        add_wrinkles(wrinkles, au, strength * left, strength * right)
    head = Buffers(canvas, canvas).draw(xy, depth, model.triangles, parts.solid)
    relief = np.empty((canvas, canvas, 3), np.float32)
    skin_relief(head.triangle, head.weights, mesh, wrinkles, relief)
    up = np.ascontiguousarray(view.rotation[:, 1])
    eyes = Eyes(
        model.eye_centres,
        np.stack([positions[eye].mean(0) for eye in model.eye_vertices]),
        up,
        IRIS_COLOURS[subject.identity.iris],
    )
    mouth_open = float(np.clip(gap / _WIDE_OPEN, 0, 1))
    shade_head(
        picture,
        head.triangle,
        head.weights,
        relief,
        view.scale,
        mesh,
        subject.skin.texture,
        eyes,
        lighting,
        mouth_open,
    )
    lashes = Buffers(canvas, canvas).draw(
        xy, depth + np.float32(_LASH_DEPTH), model.triangles, parts.lashes, cull=False
    )
    shade_lashes(
        picture, lashes.triangle, lashes.weights, lashes.depth, head.depth, mesh, subject.lash_density
    )
    if subject.hair is not None:
        _draw_hair(picture, subject.hair, view, mesh, head.depth, up, lighting)
    return xy


def _draw_hair(
    picture: Floats,
    hair: Hair,
    view: View,
    mesh: Mesh,
    front: Floats,
    up: Floats,
    lighting: Lighting,
) -> None:
    canvas = len(picture)
    lifted = mesh.positions + mesh.normals * hair.lift[:, None]
    shell = Buffers(canvas, canvas).draw(
        view.to_picture(lifted), -lifted[:, 2], mesh.triangles, hair.shell, cull=False
    )
    shade_hair(picture, shell.triangle, shell.weights, shell.depth, front, mesh, up, hair, lighting, False)
    if len(hair.strips):
        broadened = mesh.positions + strip_widening() @ view.rotation.T
        strips = Buffers(canvas, canvas).draw(
            view.to_picture(broadened), -broadened[:, 2], mesh.triangles, hair.strips, cull=False
        )
        normals = vertex_normals(mesh.positions, mesh.triangles, hair.strips)
        shade_hair(
            picture,
            strips.triangle,
            strips.weights,
            strips.depth,
            front,
            mesh._replace(normals=normals),
            up,
            hair,
            lighting,
            True,
        )


@dataclass(frozen=True)
class _Parts:
    """Selections and constants of the face model that every picture uses."""

    solid: Ints
    lashes: Ints
    eyes: Ints
    teeth: Ints
    texels: Floats
    ambient: Floats
    shine: Floats


@cache
def _parts() -> _Parts:
    model: FaceModel = load_face_model()
    return _Parts(
        solid=model.triangles_of(SKIN, LEFT_EYE, RIGHT_EYE, TEETH, TONGUE, MOUTH_CAVITY, 8),
        lashes=model.triangles_of(LASHES),
        eyes=np.concatenate(model.eye_vertices),
        teeth=np.unique(model.triangles[model.triangles_of(TEETH)]).astype(np.int32),
        texels=texture_coordinates(model.neutral),
        ambient=np.stack([model.ambient_closed, model.ambient_open], 1),
        shine=_shine(model.neutral),
    )


def _shine(neutral: Floats) -> Floats:
    """Return the strength of the skin's highlight, shape (vertex,): forehead and nose shine more."""
    x, y, _ = neutral.T
    return (0.22 + 0.18 * np.exp(-((x / 0.22) ** 2)) * (y > 6.95)).astype(np.float32)


@cache
def _upper_lashes() -> NDArray[np.bool_]:
    """Shape (vertex,): whether the vertex belongs to an upper lash."""
    model = load_face_model()
    part = model.connected_parts(LASHES)
    upper = np.zeros(len(part), bool)
    for label in np.unique(part[model.triangles[model.triangles_of(LASHES)]]):
        members = part == label
        upper[members] = model.neutral[members, 1].mean() > 7.335
    return upper


def _light(scene: Scene, mesh: Mesh, solid: Ints) -> Lighting:
    count = len(scene.lights)
    casting = [k for k, light in enumerate(scene.lights) if light.casts_shadow]
    shadow = np.full(count, -1, np.int32)
    shadow[casting] = np.arange(len(casting))
    maps = np.empty((len(casting), SHADOW_SIZE, SHADOW_SIZE), np.float32)
    axes = np.empty((len(casting), 3, 3), np.float32)
    for which, k in enumerate(casting):
        axes[which] = shadow_axes(np.asarray(scene.lights[k].direction, np.float32))
        points, depth = shadow_view(mesh.positions, axes[which])
        maps[which] = Buffers(SHADOW_SIZE, SHADOW_SIZE).draw(points, depth, mesh.triangles, solid).depth
    return Lighting(
        np.array([light.direction for light in scene.lights], np.float32).reshape(count, 3),
        np.array([light.colour for light in scene.lights], np.float32).reshape(count, 3),
        shadow,
        np.asarray(scene.sky, np.float32),
        np.asarray(scene.ground, np.float32),
        maps,
        axes,
    )


@cache
def _display_values() -> NDArray[np.uint8]:
    return (np.linspace(0, 1, 4096) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)
