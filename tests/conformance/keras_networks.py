#!/usr/bin/env python3
"""Exports networks of Keras with tf2onnx: random weights, batch norms that have seen data. tests/conformance/keras installs
what this needs, runs it and compares.

    keras_networks.py DIR [NAME ...]
"""
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
import numpy as np
import tensorflow as tf
import tf2onnx
from tensorflow import keras
from tensorflow.keras import applications, layers


def application(build, side, **more):
    return build(weights=None, input_shape=(side, side, 3), classes=10, classifier_activation=None, **more)


def separable():
    """SAME padding at strides that pad one side only, depth multipliers, every activation layer."""
    x = first = layers.Input((65, 49, 3))
    for width, stride, act in ((16, 2, layers.ReLU(6.0)), (24, 1, layers.LeakyReLU(0.1)), (32, 2, layers.ELU()), (40, 2, layers.PReLU(shared_axes=[1, 2]))):
        x = layers.SeparableConv2D(width, 3, strides=stride, padding="same", depth_multiplier=2)(x)
        x = act(layers.BatchNormalization()(x))
    x = layers.Dropout(0.2)(layers.Flatten()(layers.MaxPooling2D(3, 2, padding="same")(x)))
    return keras.Model(first, layers.Dense(10)(x))


def segmentation():
    """A U-shaped head: transposed convolutions, both ways of upsampling, skips, logits per pixel."""
    first = layers.Input((64, 48, 3))
    norm = lambda x: layers.Activation("relu")(layers.BatchNormalization()(x))
    a = norm(layers.Conv2D(16, 3, padding="same", use_bias=False)(first))
    b = norm(layers.DepthwiseConv2D(3, strides=2, padding="same")(a))
    c = norm(layers.Conv2D(32, 3, strides=2, padding="same", dilation_rate=1)(b))
    c = norm(layers.Conv2D(32, 3, padding="same", dilation_rate=2)(c))
    up = layers.Conv2DTranspose(16, 3, strides=2, padding="same")(c)
    x = norm(layers.Concatenate()([up, b]))
    x = layers.Conv2D(16, 3, padding="same")(layers.UpSampling2D(2, interpolation="bilinear")(x))
    x = layers.Concatenate()([norm(x), a])
    x = layers.UpSampling2D(2, interpolation="nearest")(layers.Conv2D(3, 1)(x))
    return keras.Model(first, layers.Cropping2D(((1, 2), (3, 0)))(layers.ZeroPadding2D(2)(x)))


def convnext():
    x = first = layers.Input((48, 48, 3))
    x = layers.LayerNormalization()(layers.Conv2D(24, 4, strides=4)(x))
    for _ in range(2):
        y = layers.LayerNormalization(epsilon=1e-6)(layers.DepthwiseConv2D(7, padding="same")(x))
        y = layers.Dense(24)(layers.Activation("gelu")(layers.Dense(96)(y)))
        x = layers.Add()([x, y])
    x = layers.Dense(10)(layers.LayerNormalization()(layers.GlobalAveragePooling2D()(x)))
    return keras.Model(first, x)


# name: (how it is made, opset, whether the image's input is NCHW)
NETWORKS = {
    "mobilenet": (lambda: application(applications.MobileNet, 96), 13, False),
    "mobilenet_v2": (lambda: application(applications.MobileNetV2, 96), 11, True),
    "mobilenet_v3_small": (lambda: application(applications.MobileNetV3Small, 96), 12, False),
    "mobilenet_v3_large": (lambda: application(applications.MobileNetV3Large, 96, minimalistic=True), 15, False),
    "xception": (lambda: application(applications.Xception, 96), 14, False),
    "densenet121": (lambda: application(applications.DenseNet121, 96), 9, False),
    "efficientnet_b0": (lambda: application(applications.EfficientNetB0, 96), 17, False),
    "nasnet_mobile": (lambda: application(applications.NASNetMobile, 96), 13, False),
    "resnet50_v2": (lambda: application(applications.ResNet50V2, 96), 10, False),
    "inception_v3": (lambda: application(applications.InceptionV3, 96), 16, True),
    "vgg_like": (lambda: keras.Sequential([layers.Input((32, 32, 3)), layers.Conv2D(16, 3, activation="swish"), layers.MaxPooling2D(),
                                           layers.Conv2D(32, 3, activation="hard_sigmoid"), layers.AveragePooling2D(padding="same"),
                                           layers.Flatten(), layers.Dense(10, activation="softmax")]), 18, False),
    "separable": (separable, 13, False),
    "segmentation": (segmentation, 13, False),
    "convnext": (convnext, 17, False),
}


def settle(model):
    """Batch norms with scales and shifts of their own, and the statistics of data that went through."""
    random = np.random.default_rng(1)
    for layer in model.submodules:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
            if layer.gamma is not None:
                layer.gamma.assign(random.uniform(0.7, 1.3, layer.gamma.shape))
            layer.beta.assign(random.normal(0, 0.2, layer.beta.shape))
    model(tf.constant(random.normal(0.3, 1.5, (8, *model.input_shape[1:])).astype(np.float32)), training=True)
    for layer in model.submodules:
        # A channel that hardly varies would be scaled up with all its rounding errors: 1e-4 of the range in every engine.
        if isinstance(layer, layers.BatchNormalization):
            variance = layer.moving_variance.numpy()
            layer.moving_variance.assign(variance + 0.2 * variance.mean())


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or NETWORKS:
        build, opset, channels_first = NETWORKS[name]
        tf.random.set_seed(1)
        model = build()
        settle(model)
        signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="x")]
        tf2onnx.convert.from_keras(model, signature, opset=opset, output_path=str(folder / f"{name}.onnx"),
                                   inputs_as_nchw=["x"] if channels_first else None)
        print(name, "opset", opset, flush=True)
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
