"""A picture as the input of an ImageNet network, prepared by Pillow: what sepcl's own preparation is held to."""
import numpy
from PIL import Image

RESIZE, CROP = 256, 224
MEAN = numpy.array([0.485, 0.456, 0.406], numpy.float32).reshape(3, 1, 1)
STD = numpy.array([0.229, 0.224, 0.225], numpy.float32).reshape(3, 1, 1)


def tensor(path, resampling=Image.Resampling.BILINEAR):
    """[1][3][CROP][CROP]: the shorter side becomes RESIZE, the centre is cut out, channels are normalised."""
    picture = Image.open(path).convert("RGB")
    width, height = picture.size
    short = min(width, height)
    picture = picture.resize((RESIZE * width // short, RESIZE * height // short), resampling)
    width, height = picture.size
    left, top = round((width - CROP) / 2), round((height - CROP) / 2)
    pixels = numpy.asarray(picture.crop((left, top, left + CROP, top + CROP)), numpy.float32) / 255
    return ((pixels.transpose(2, 0, 1) - MEAN) / STD)[None]


def pixels(normalised):
    """Back to [0, 1]."""
    return normalised.reshape(3, CROP, CROP) * STD + MEAN
