"""A head start for a fresh autoencoder: colours pass through it from the first step on.

An 8-fold autoencoder from random weights needs thousands of steps before all colours come through, because the last
group norms take the absolute level of a flat picture away. Here the skip paths carry light and two colour axes to the
latents and back, every residual branch begins as nothing, and each normed group of the last layers holds a signal
beside two constants (s, c, −c), so that its level survives the norm. Training starts from a blurred copy.
"""

from __future__ import annotations

import re
from typing import Any, Final

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor

AXES: Final = ((1 / 3, 1 / 3, 1 / 3), (0.5, -0.5, 0.0), (0.25, 0.25, -0.5))
CONSTANT: Final = 1.5
LATENT_GAIN: Final = 2.0
SMOOTH: Final = ((1.0, 2.0, 1.0), (2.0, 4.0, 2.0), (1.0, 2.0, 1.0))


def carry(convolution: Any, targets: list[int], matrix: Tensor, kernel: Tensor) -> None:
    """Makes output channels `targets` of a convolution `matrix` [n, m] times its first m inputs, spread by `kernel`."""
    weight, bias = convolution.weight, convolution.bias
    for row, target in enumerate(targets):
        weight[target] = 0
        weight[target, : matrix.shape[1]] = matrix[row][:, None, None] * kernel
        bias[target] = 0


@torch.no_grad()
def give_head_start(model: AutoencoderKL) -> None:
    """Sets the weights of a fresh four-level autoencoder: 32 groups, at the ends three channels or more to a group."""
    for name, value in model.named_parameters():
        if re.search(r"(\.conv2|\.to_out\.0)\.(weight|bias)$", name):
            value.zero_()
    encoder: Any = model.encoder
    decoder: Any = model.decoder
    dot, one = torch.zeros(3, 3), torch.ones(1, 1)
    dot[1, 1] = 1
    square = torch.zeros(3, 3)
    square[:2, :2] = 0.25
    smooth = torch.tensor(SMOOTH) / 16
    same, axes = torch.eye(3), torch.tensor(AXES)
    first = [0, 1, 2]

    carry(encoder.conv_in, first, axes, dot)
    for block in encoder.down_blocks:
        if block.resnets[0].conv_shortcut is not None:
            carry(block.resnets[0].conv_shortcut, first, same, one)
    for block in encoder.down_blocks[:2]:
        carry(block.downsamplers[0].conv, first, same, square)
    last = encoder.down_blocks[2].downsamplers[0].conv
    size = last.weight.shape[0] // 32
    carry(last, [0, size, 2 * size], same, square)
    carry(last, [1, size + 1, 2 * size + 1], -same, square)
    set_constants(last, size, (2, 3), 3)
    for channel in range(3):
        encoder.conv_out.weight[channel] = 0
        encoder.conv_out.weight[channel, channel * size, 1, 1] = LATENT_GAIN
        encoder.conv_out.weight[channel, channel * size + 1, 1, 1] = -LATENT_GAIN
        encoder.conv_out.bias[channel] = 0
    identity = torch.eye(8)[..., None, None]
    before: Any = model.quant_conv
    before.weight.copy_(identity)
    before.bias.zero_()
    encoder.conv_out.weight[4:] *= 0.1
    encoder.conv_out.bias[4:] = -6.0

    after: Any = model.post_quant_conv
    after.weight.copy_(torch.eye(4)[..., None, None])
    after.bias.zero_()
    carry(decoder.conv_in, first, same / LATENT_GAIN, dot)
    for block in decoder.up_blocks[:3]:
        if block.resnets[0].conv_shortcut is not None:
            carry(block.resnets[0].conv_shortcut, first, same, one)
        carry(block.upsamplers[0].conv, first, same, smooth)
    end = decoder.up_blocks[3].resnets[0].conv_shortcut
    size = end.weight.shape[0] // 32
    carry(end, [0, size, 2 * size], same, one)
    carry(end, [3 * size, 4 * size, 5 * size], -same, one)
    set_constants(end, size, (1, 2), 6)
    back = torch.linalg.inv(axes) * CONSTANT
    for channel in range(3):
        decoder.conv_out.weight[channel] *= 0.1
        for axis in range(3):
            decoder.conv_out.weight[channel, axis * size, 1, 1] = back[channel, axis]
            decoder.conv_out.weight[channel, (axis + 3) * size, 1, 1] = -back[channel, axis]
        decoder.conv_out.bias[channel] = 0


def set_constants(convolution: Any, size: int, places: tuple[int, int], groups: int) -> None:
    """The channels at `places` in each of the first `groups` groups become the constants c and −c."""
    for group in range(groups):
        for place, sign in zip(places, (1.0, -1.0), strict=True):
            convolution.weight[group * size + place] = 0
            convolution.bias[group * size + place] = sign * CONSTANT
