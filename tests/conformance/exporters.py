#!/usr/bin/env python3
"""Exports small networks of ten architectures with PyTorch (Debian's python3-torch), random weights, batch norms that have
seen data; networks.py then compares them.

    python3 exporters.py DIR && networks.py DIR/*.onnx
"""
import pathlib
import sys

import torch
from torch import nn

torch.manual_seed(1)


def block(i, o, k=3, s=1, g=1, act=nn.ReLU):
    layers = [nn.Conv2d(i, o, k, s, k // 2, groups=g, bias=False), nn.BatchNorm2d(o)]
    return nn.Sequential(*layers, *([act()] if act else []))


class Residual(nn.Module):
    def __init__(self, body, shortcut=None):
        super().__init__()
        self.body, self.shortcut = body, shortcut or nn.Identity()

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


class Squeeze(nn.Module):
    def __init__(self, c, gate):
        super().__init__()
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, c // 4, 1), nn.ReLU(), nn.Conv2d(c // 4, c, 1), gate)

    def forward(self, x):
        return x * self.gate(x)


class Shuffle(nn.Module):
    """ShuffleNet v2's unit: half of the channels pass by, then both halves are shuffled."""

    def __init__(self, c):
        super().__init__()
        h = c // 2
        self.body = nn.Sequential(block(h, h, 1), block(h, h, 3, 1, h, None), block(h, h, 1))

    def forward(self, x):
        a, b = x.chunk(2, dim=1)
        x = torch.cat([a, self.body(b)], 1)
        n, c, h, w = x.shape
        return x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)


class Branches(nn.Module):
    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([b(x) for b in self.branches], 1)


class Dense(nn.Module):
    def __init__(self, c, grow):
        super().__init__()
        self.layer = nn.Sequential(nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, grow, 3, 1, 1, bias=False))

    def forward(self, x):
        return torch.cat([x, self.layer(x)], 1)


class ChannelNorm(nn.Module):
    """Layer norm over the channels of an image, as ConvNeXt has it."""

    def __init__(self, c):
        super().__init__()
        self.norm = nn.LayerNorm(c)

    def forward(self, x):
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.qkv, self.out, self.scale = nn.Linear(c, 3 * c), nn.Linear(c, c), c ** -0.5

    def forward(self, x):
        n, c, h, w = x.shape
        t = x.flatten(2).transpose(1, 2)
        q, k, v = self.qkv(t).chunk(3, dim=-1)
        t = t + self.out((q @ k.transpose(1, 2) * self.scale).softmax(-1) @ v)
        return t.transpose(1, 2).reshape(n, c, h, w)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.low = block(3, 8), nn.Sequential(nn.MaxPool2d(2), block(8, 16))
        self.up, self.end = nn.ConvTranspose2d(16, 8, 2, 2), nn.Sequential(block(16, 8), nn.Conv2d(8, 2, 1))
        self.big = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)

    def forward(self, x):
        a = self.down(x)
        return self.big(self.end(torch.cat([a, self.up(self.low(a))], 1)))


class Inverted(nn.Module):
    def __init__(self, c, e, act, k=3):
        super().__init__()
        self.body = nn.Sequential(block(c, e, 1, act=act), block(e, e, k, 1, e, act), Squeeze(e, nn.Hardsigmoid()), block(e, c, 1, act=None))

    def forward(self, x):
        return x + self.body(x)


def head(c, classes=10):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(c, classes))


def networks():
    yield "mobilenet_v1", nn.Sequential(block(3, 16, s=2), block(16, 16, 3, 1, 16), block(16, 32, 1), block(32, 32, 3, 2, 32), block(32, 48, 1), head(48))
    yield "mobilenet_v2", nn.Sequential(block(3, 16, s=2, act=nn.ReLU6), Residual(nn.Sequential(block(16, 64, 1, act=nn.ReLU6), block(64, 64, 3, 1, 64, nn.ReLU6), block(64, 16, 1, act=None))), head(16))
    yield "mobilenet_v3", nn.Sequential(block(3, 16, s=2, act=nn.Hardswish), Inverted(16, 48, nn.Hardswish, 5), Inverted(16, 32, nn.ReLU), head(16))
    yield "efficientnet", nn.Sequential(block(3, 16, s=2, act=nn.SiLU), Inverted(16, 64, nn.SiLU), head(16))
    yield "resnet", nn.Sequential(block(3, 16, 7, 2), nn.MaxPool2d(3, 2, 1), Residual(nn.Sequential(block(16, 32, 3, 2), block(32, 32, act=None)), block(16, 32, 1, 2, act=None)), nn.ReLU(), head(32))
    yield "shufflenet_v2", nn.Sequential(block(3, 24, s=2), Shuffle(24), Shuffle(24), block(24, 32, 1), head(32))
    yield "googlenet", nn.Sequential(block(3, 16, s=2), Branches(block(16, 8, 1), nn.Sequential(block(16, 8, 1), block(8, 12)), nn.Sequential(block(16, 4, 1), block(4, 8, 5)), nn.Sequential(nn.MaxPool2d(3, 1, 1), block(16, 8, 1))), nn.LocalResponseNorm(5), head(36))
    yield "densenet", nn.Sequential(block(3, 16, s=2), Dense(16, 8), Dense(24, 8), Dense(32, 8), nn.BatchNorm2d(40), nn.ReLU(), nn.AvgPool2d(2), head(40))
    yield "vgg", nn.Sequential(block(3, 8), block(8, 8), nn.MaxPool2d(2), block(8, 16), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * 8 * 8, 32), nn.ReLU(), nn.Linear(32, 10))
    yield "squeezenet", nn.Sequential(nn.Conv2d(3, 16, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), Branches(nn.Conv2d(16, 16, 1), nn.Conv2d(16, 16, 3, 1, 1)), nn.ELU(), nn.Conv2d(32, 10, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    yield "convnext", nn.Sequential(nn.Conv2d(3, 16, 4, 4), ChannelNorm(16), Residual(nn.Sequential(nn.Conv2d(16, 16, 7, 1, 3, groups=16), ChannelNorm(16), nn.Conv2d(16, 64, 1), nn.GELU(), nn.Conv2d(64, 16, 1))), head(16))
    yield "mobilevit", nn.Sequential(block(3, 16, s=2, act=nn.SiLU), block(16, 16, s=2, act=nn.SiLU), Attention(16), head(16))
    yield "unet", UNet()
    yield "xception", nn.Sequential(block(3, 16, s=2), Residual(nn.Sequential(nn.ReLU(), block(16, 16, 3, 1, 16, None), block(16, 24, 1, act=None), nn.MaxPool2d(3, 2, 1)), block(16, 24, 1, 2, act=None)), nn.PReLU(24), head(24))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, network in networks():
        network.train()
        with torch.no_grad():
            for parameter in network.parameters():
                if parameter.dim() == 1:
                    parameter.add_(0.2 * torch.randn_like(parameter))
            for _ in range(3):  # so that the batch norms have statistics
                network(torch.randn(8, 3, 32, 32) * 1.5 + 0.3)
        network.eval()
        opset = {"unet": 11, "resnet": 9, "vgg": 10, "shufflenet_v2": 12, "mobilenet_v3": 14, "convnext": 17 if hasattr(torch.onnx, "dynamo_export") else 14}.get(name, 13)
        torch.onnx.export(network, torch.randn(1, 3, 32, 32), str(folder / f"{name}.onnx"), opset_version=opset,
                          input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "batch"}} if name == "mobilenet_v1" else None)
        print(name, flush=True)


if __name__ == "__main__":
    main()
