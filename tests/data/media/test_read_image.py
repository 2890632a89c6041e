"""Still images: upright, RGB, small, and safe to open."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from affectrl.data.clip import Blob
from affectrl.data.media.image import read_image
from affectrl.data.media.probe import probe
from affectrl.errors import MediaError

PICTURE = np.zeros((40, 60, 3), np.uint8)
PICTURE[:20, :30] = (250, 10, 10)
PICTURE[20:, 30:] = (10, 10, 250)


def saved(make, name, image=None, **options):
    path = make.folder / name
    (Image.fromarray(PICTURE) if image is None else image).save(path, **options)
    return path


@pytest.mark.parametrize("name", ["i.png", "i.bmp", "i.webp", "i.tif", "i.ppm", "i.jpg", "i.gif"])
def test_every_format(make, name):
    frames = read_image(saved(make, name))
    assert frames.rgb.shape == (1, 40, 60, 3)
    assert frames.rgb.dtype == np.uint8
    assert frames.times_s.tolist() == [0.0]
    assert np.abs(frames.rgb[0].astype(int) - PICTURE).mean() < 12
    assert not frames.notes


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, PICTURE),
        (2, PICTURE[:, ::-1]),
        (3, PICTURE[::-1, ::-1]),
        (6, np.rot90(PICTURE, -1)),
        (8, np.rot90(PICTURE, 1)),
    ],
)
@pytest.mark.parametrize("name", ["e.png", "e.jpg"])
def test_exif_rotation_is_applied(make, name, orientation, upright):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(make, name, exif=exif)
    rgb = read_image(path).rgb[0]
    assert rgb.shape == upright.shape
    assert np.abs(rgb.astype(int) - upright).mean() < 12
    assert (probe(path).width, probe(path).height) == (rgb.shape[1], rgb.shape[0])


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK", "I;16", "F"])
def test_every_colour_mode_becomes_rgb(make, mode):
    image = Image.fromarray(PICTURE)
    if mode == "I;16":
        image = Image.fromarray(np.full((40, 60), 30_000, np.uint16))
    elif mode == "LA":
        image = image.convert("L").convert("LA")
    else:
        image = image.convert("L").convert(mode) if mode == "F" else image.convert(mode)
    assert read_image(saved(make, "m.tif", image)).rgb.shape == (1, 40, 60, 3)


def test_transparent_parts_are_black(make):
    rgba = np.zeros((20, 20, 4), np.uint8)
    rgba[..., :3], rgba[:10, :, 3] = 200, 255
    rgb = read_image(saved(make, "t.png", Image.fromarray(rgba))).rgb[0]
    assert rgb[:9].min() == 200
    assert rgb[11:].max() == 0


def test_large_images_are_scaled(make):
    path = saved(make, "l.jpg", Image.new("RGB", (7680, 4320), (90, 120, 30)))
    assert read_image(path, max_side=320).rgb.shape == (1, 180, 320, 3)


def test_animated_images_give_their_first_frame_and_say_so(make):
    path = saved(
        make,
        "a.gif",
        Image.new("RGB", (20, 20), "red"),
        save_all=True,
        append_images=[Image.new("RGB", (20, 20), "blue")],
    )
    frames = read_image(path)
    assert [note.code for note in frames.notes] == ["animated_image"]
    assert frames.rgb[0, 5, 5].tolist() == [255, 0, 0]


@pytest.mark.parametrize("side", [9_000, 20_000])
def test_a_decompression_bomb_is_refused(make, side):
    path = saved(make, "bomb.png", Image.new("1", (side, side)))
    with pytest.raises(MediaError) as caught:
        read_image(path)
    assert caught.value.code == "media_too_large"
    assert str(path) in str(caught.value)


def test_programs_in_picture_files_are_not_run(make):
    path = make.raw("p.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    with pytest.raises(MediaError) as caught:
        read_image(path)
    assert caught.value.code == "media_corrupt"


def test_bytes_in_memory(make):
    buffer = io.BytesIO()
    Image.fromarray(PICTURE).save(buffer, "PNG")
    np.testing.assert_array_equal(read_image(Blob(buffer.getvalue(), "x.png")).rgb[0], PICTURE)
