"""MediaPipe's networks through the delegate against the host's own kernels, on a photograph.

python3 tflite_models.py LIBRARY PHOTO MODEL.tflite... [--share 95]

Prints, for each model, the nodes in the largest part and the largest difference as a share of the output's range; exits
with 1 if a difference is above 1e-4, or if fewer than --share per cent of the nodes are in one part. A model with
MediaPipe's own transposed convolution is compared with its twin without it (FILE.builtin.tflite, made by
tflite_builtin.py): no host has that operator."""
import argparse
import os
import sys

import numpy as np
from PIL import Image

import tflite_host


def photo_for(path, shape, low):
    picture = Image.open(path).convert("RGB").resize((shape[2], shape[1]), Image.BILINEAR)
    values = np.asarray(picture, np.float32) / 255.0
    return (values * (1.0 - low) + low)[None].astype(np.float32)


def face(results):
    """The best face of face_detection_short_range: its score, centre and size as shares of the picture."""
    boxes, scores = sorted(results, key=lambda r: -r.shape[-1])
    best = int(scores.argmax())
    # 896 anchors: two at each point of a 16x16 grid, then six at each of an 8x8 one.
    cells, cell = (16, best // 2) if best < 512 else (8, (best - 512) // 6)
    x, y = (cell % cells + 0.5) / cells, (cell // cells + 0.5) / cells
    dx, dy, w, h = boxes[0, best, :4] / 128.0
    return 1.0 / (1.0 + np.exp(-float(scores.max()))), x + dx, y + dy, w, h


def find_face(path, photo, results):
    """On the astronaut the face is at (0.44, 0.23), a fifth of the picture wide; on other pictures: any face."""
    if "face_detection_short_range" not in path:
        return True
    score, x, y, w, h = face(results)
    print(f"  a face, {100 * score:.1f}% sure, at ({x:.2f}, {y:.2f}), {w:.2f} by {h:.2f} of the picture")
    place = "astronaut" not in photo or (abs(x - 0.44) < 0.05 and abs(y - 0.23) < 0.05 and 0.1 < w < 0.3)
    return score > 0.5 and place


def check(library, photo, path, share, device):
    twin = path.replace(".tflite", ".builtin.tflite")
    plain = tflite_host.interpreter(twin if os.path.exists(twin) else path)
    shape = plain.get_input_details()[0]["shape"]
    image = photo_for(photo, shape, -1.0 if "face_detection" in path else 0.0)
    made, text = tflite_host.said_by(lambda: tflite_host.interpreter(
        path, [tflite_host.delegate(library, verbosity=1, device=device, custom_operators=int(os.path.exists(twin)))]))
    taken = tflite_host.parts(text)
    results, expected = tflite_host.run(made, [image]), tflite_host.run(plain, [image])
    worst = tflite_host.difference(results, expected)
    # A negative control: another picture must not pass.
    wrong = tflite_host.difference(tflite_host.run(made, [image[:, ::-1].copy()]), expected)
    nodes, of = taken[0] if taken else (0, 1)
    good = worst <= 1e-4 < wrong and nodes * 100 >= share * of and find_face(path, photo, results)
    print(f"{tflite_host.NAME} {os.path.basename(path)}: {nodes} of {of} nodes in one of {len(taken)} parts, "
          f"within {worst:.1e} of the range (upside down: {wrong:.1e}){'' if good else '  FAILED'}", flush=True)
    if not good:
        print(text, file=sys.stderr)
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("photo")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--share", type=float, default=95)
    parser.add_argument("--device", default="")
    a = parser.parse_args()
    good = [check(a.library, a.photo, model, a.share, a.device) for model in a.models]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
