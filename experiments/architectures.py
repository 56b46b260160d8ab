"""Layer tables of networks from their architectures: shapes, parameters and multiply-accumulates.

Counted are convolutions, full layers, recurrences and the two products of attention, as published
totals count them; not activations, poolings, normalisations and sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Row = tuple[str, str, int, int, int]
"""Name, block, multiply-accumulates, parameters and outputs."""

CLASSES = 1000


class Chain:
    """What has been computed so far: the shape of the last output, and the rows of layers.

    Attributes
    ----------
    channels, height, width
        Shape of the last output.
    macs, parameters
        Of the row that is still open.
    rows
        Those that are closed.
    """

    def __init__(self, channels: int, height: int = 1, width: int = 1) -> None:
        self.channels, self.height, self.width = channels, height, width
        self.macs = self.parameters = 0
        self.rows: list[Row] = []

    def conv(
        self,
        out: int,
        kernel: int,
        stride: int = 1,
        padding: int | None = None,
        *,
        groups: int = 1,
        bias: bool = False,
        norm: bool = True,
    ) -> Chain:
        """Add a convolution; without a padding it keeps height and width at stride 1."""
        around = kernel // 2 if padding is None else padding
        weights = kernel**2 * self.channels // groups * out
        self._slide(kernel, stride, around)
        self.channels = out
        self.macs += self.height * self.width * weights
        self.parameters += weights + out * bias
        return self.norm() if norm else self

    def norm(self) -> Chain:
        """Add a normalisation: a scale and a shift for each channel."""
        self.parameters += 2 * self.channels
        return self

    def pool(
        self, kernel: int, stride: int, padding: int = 0, *, keeps_rests: bool = False
    ) -> Chain:
        """Add a pooling; it may round the number of its windows up."""
        rest = stride - 1 if keeps_rests else 0
        self._slide(kernel, stride, padding, rest)
        return self

    def _slide(self, kernel: int, stride: int, padding: int, rest: int = 0) -> None:
        self.height, self.width = (
            (side + 2 * padding - kernel + rest) // stride + 1 for side in (self.height, self.width)
        )

    def resized(self, side: int = 1) -> Chain:
        """Add a mean over so many windows a side that all is covered."""
        self.height = self.width = side
        return self

    def full(self, out: int) -> Chain:
        """Add a full layer of everything there is."""
        weights = self.outputs * out
        self.channels, self.height, self.width = out, 1, 1
        self.macs += weights
        self.parameters += weights + out
        return self

    def squeezed(self, channels: int) -> Chain:
        """Add squeeze and excitation: two full layers on the means of the channels."""
        self.macs += 2 * channels * self.channels
        self.parameters += 2 * channels * self.channels + channels + self.channels
        return self

    def joined(self, *branches: Callable[[Chain], Any]) -> Chain:
        """Add branches that have the same input, and join what they give as channels."""
        start, channels = (self.channels, self.height, self.width), 0
        for branch in branches:
            self.channels, self.height, self.width = start
            branch(self)
            channels += self.channels
        self.channels = channels
        return self

    def added(self, path: Callable[[Chain], Any], beside: Callable[[Chain], Any]) -> Chain:
        """Add two paths of the same input whose results are summed."""
        start = self.channels, self.height, self.width
        beside(self)
        self.channels, self.height, self.width = start
        path(self)
        return self

    @property
    def outputs(self) -> int:
        """How many numbers the last output has."""
        return self.channels * self.height * self.width

    def row(self, name: str, block: str | None = None) -> Chain:
        """Close a row: a cut may stand behind it."""
        self.rows.append((name, block or name, self.macs, self.parameters, self.outputs))
        self.macs = self.parameters = 0
        return self


def same(_: Chain) -> None:
    """Do nothing: the shortcut of a residual block."""


def divisible(channels: float, by: int = 8) -> int:
    """Return the multiple of a number that is nearest, and no more than a tenth below."""
    near = max(by, int(channels + by / 2) // by * by)
    return near + by if near < 0.9 * channels else near


# --- small networks -------------------------------------------------------------------------------

LENET5_MAPS = 6 * 3 + 9 * 4 + 1 * 6
"""Maps of S2 that the sixteen maps of C3 look at, all together."""


def lenet5() -> Chain:
    """Return LeNet-5 of 1998: C3 looks at some maps of S2, and the output has no weights."""
    net = Chain(1, 32, 32)
    net.conv(6, 5, padding=0, bias=True, norm=False).row("C1")
    net.pool(2, 2).norm().row("S2")
    net.height = net.width = 10
    net.channels = 16
    net.macs, net.parameters = 10**2 * 5**2 * LENET5_MAPS, 5**2 * LENET5_MAPS + 16
    net.row("C3").pool(2, 2).norm().row("S4")
    net.full(120).row("C5").full(84).row("F6")
    net.macs, net.channels = 84 * 10, 10
    return net.row("output")


def mnist_cnn() -> Chain:
    """Return the CNN with which federated averaging was tried on MNIST."""
    net = Chain(1, 28, 28)
    for number, out in enumerate((32, 64), 1):
        net.conv(out, 5, bias=True, norm=False).pool(2, 2).row(f"conv {number}")
    return net.full(512).row("fc 1").full(10).row("fc 2")


def cifar_cnn() -> Chain:
    """Return the CNN of TensorFlow's tutorial on CIFAR-10, on pictures cropped to 24 x 24."""
    net = Chain(3, 24, 24)
    for number in (1, 2):
        net.conv(64, 5, bias=True, norm=False).pool(3, 2, 1).row(f"conv {number}")
    return net.full(384).row("fc 1").full(192).row("fc 2").full(10).row("fc 3")


def char_lstm(steps: int = 80, signs: int = 90, width: int = 256) -> Chain:
    """Return the next-character model: an embedding, two LSTMs, and a full layer at each step."""
    net = Chain(8, steps)
    net.parameters = signs * net.channels
    net.row("embedding")
    for number in (1, 2):
        weights = 4 * width * (net.channels + width)
        net.macs, net.parameters = steps * weights, weights + 4 * width
        net.channels = width
        net.row(f"LSTM {number}")
    net.macs, net.parameters = steps * width * signs, (width + 1) * signs
    net.channels = signs
    return net.row("full")


# --- pictures of 224 x 224 ------------------------------------------------------------------------


def alexnet() -> Chain:
    """Return AlexNet in its later form for one processor, as torchvision has it."""
    net = Chain(3, 224, 224)
    net.conv(64, 11, 4, 2, bias=True, norm=False).pool(3, 2).row("conv 1")
    net.conv(192, 5, bias=True, norm=False).pool(3, 2).row("conv 2")
    for number, out in ((3, 384), (4, 256)):
        net.conv(out, 3, bias=True, norm=False).row(f"conv {number}")
    net.conv(256, 3, bias=True, norm=False).pool(3, 2).row("conv 5")
    for number, out in ((6, 4096), (7, 4096), (8, CLASSES)):
        net.full(out).row(f"fc {number}")
    return net


def vgg(convolutions: Sequence[int]) -> Chain:
    """Return a VGG with so many convolutions in front of each pooling."""
    net = Chain(3, 224, 224)
    for number, (count, out) in enumerate(
        zip(convolutions, (64, 128, 256, 512, 512), strict=True), 1
    ):
        for place in range(1, count + 1):
            net.conv(out, 3, bias=True, norm=False)
            if place == count:
                net.pool(2, 2)
            net.row(f"conv {number}-{place}", f"block {number}")
    for number, out in ((6, 4096), (7, 4096), (8, CLASSES)):
        net.full(out).row(f"fc {number}")
    return net


def resnet(blocks: Sequence[int], *, is_deep: bool) -> Chain:
    """Return a ResNet; with bottlenecks, whose stride is at the 3 x 3, if it is deep."""
    net = Chain(3, 224, 224)
    net.conv(64, 7, 2).pool(3, 2, 1).row("stem")
    for stage, (count, width) in enumerate(zip(blocks, (64, 128, 256, 512), strict=True), 1):
        out = 4 * width if is_deep else width
        for place in range(1, count + 1):
            stride = 2 if stage > 1 and place == 1 else 1

            def path(net: Chain, width: int = width, out: int = out, stride: int = stride) -> Chain:
                if is_deep:
                    return net.conv(width, 1).conv(width, 3, stride).conv(out, 1)
                return net.conv(out, 3, stride).conv(out, 3)

            def shortcut(net: Chain, out: int = out, stride: int = stride) -> Chain:
                return net.conv(out, 1, stride)

            fits = stride == 1 and net.channels == out
            net.added(path, same if fits else shortcut)
            net.row(f"residual {stage}-{place}", f"stage {stage}")
    return net.resized().full(CLASSES).row("fc")


def squeezenet() -> Chain:
    """Return SqueezeNet 1.1."""
    net = Chain(3, 224, 224)
    net.conv(64, 3, 2, 0, bias=True, norm=False).pool(3, 2, keeps_rests=True).row("conv 1")
    for number, squeeze in enumerate((16, 16, 32, 32, 48, 48, 64, 64), 2):
        net.conv(squeeze, 1, bias=True, norm=False)
        net.joined(
            *(
                lambda net, kernel=kernel, out=4 * squeeze: net.conv(
                    out, kernel, bias=True, norm=False
                )
                for kernel in (1, 3)
            )
        )
        if number in (3, 5):
            net.pool(3, 2, keeps_rests=True)
        net.row(f"fire {number}")
    return net.conv(CLASSES, 1, bias=True, norm=False).resized().row("conv 10")


INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Outputs of 1 x 1; reduced and 3 x 3; reduced and 5 x 5; behind the pooling (Table 1)."""


def googlenet() -> Chain:
    """Return GoogLeNet as torchvision has it: normalised, 3 x 3 for 5 x 5, no heads at the side."""
    net = Chain(3, 224, 224)
    net.conv(64, 7, 2).pool(3, 2, keeps_rests=True).row("conv 1", "stem")
    net.conv(64, 1).conv(192, 3).pool(3, 2, keeps_rests=True).row("conv 2", "stem")
    for name, (one, less3, three, less5, five, behind) in INCEPTIONS.items():
        branches = ((one, None), (less3, three), (less5, five), (behind, None))
        net.joined(
            *(
                lambda net, first=first, then=then: (
                    net.conv(first, 1) if then is None else net.conv(first, 1).conv(then, 3)
                )
                for first, then in branches
            )
        )
        if name == "3b":
            net.pool(3, 2, keeps_rests=True)
        if name == "4e":
            net.pool(2, 2, keeps_rests=True)
        net.row(f"inception {name}", f"inception {name[0]}")
    return net.resized().full(CLASSES).row("fc")


def densenet121(growth: int = 32) -> Chain:
    """Return DenseNet-121; behind a dense layer all that came before goes on with its output."""
    net = Chain(3, 224, 224)
    net.conv(64, 7, 2).pool(3, 2, 1).row("stem")
    for number, count in enumerate((6, 12, 24, 16), 1):
        for place in range(1, count + 1):
            net.joined(
                same,
                lambda net: net.norm().conv(4 * growth, 1).conv(growth, 3, norm=False),
            )
            net.row(f"dense {number}-{place}", f"dense {number}")
        if number < 4:
            net.norm().conv(net.channels // 2, 1, norm=False).pool(2, 2)
            net.row(f"transition {number}")
    return net.norm().resized().full(CLASSES).row("fc")


def mobilenet_v1() -> Chain:
    """Return MobileNet of width 1."""
    net = Chain(3, 224, 224)
    net.conv(32, 3, 2).row("stem")
    widths = (64, 128, 128, 256, 256, *[512] * 6, 1024, 1024)
    for number, out in enumerate(widths, 1):
        stride = 2 if out > net.channels and number > 1 else 1
        net.conv(net.channels, 3, stride, groups=net.channels).conv(out, 1)
        net.row(f"separable {number}", f"{net.height} x {net.width}")
    return net.resized().full(CLASSES).row("fc")


def inverted(
    net: Chain, expanded: int, out: int, kernel: int, stride: int, squeeze: int = 0
) -> Chain:
    """Add an inverted residual: wider, each channel on its own, maybe squeezed, narrower."""
    if expanded != net.channels:
        net.conv(expanded, 1)
    net.conv(expanded, kernel, stride, groups=expanded)
    if squeeze:
        net.squeezed(squeeze)
    return net.conv(out, 1)


def mobilenet_v2() -> Chain:
    """Return MobileNetV2 of width 1 (Table 2: expansion t, channels c, repeats n, stride s)."""
    net = Chain(3, 224, 224)
    net.conv(32, 3, 2).row("stem")
    stages = (
        *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
        *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
    )
    for stage, (factor, out, repeats, stride) in enumerate(stages, 1):
        for place in range(1, repeats + 1):
            inverted(net, factor * net.channels, out, 3, stride if place == 1 else 1)
            net.row(f"bottleneck {stage}-{place}", f"stage {stage}")
    return net.conv(1280, 1).row("conv").resized().full(CLASSES).row("fc")


V3_LARGE = (
    *((3, 16, 16, 0, 1), (3, 64, 24, 0, 2), (3, 72, 24, 0, 1), (5, 72, 40, 1, 2)),
    *((5, 120, 40, 1, 1), (5, 120, 40, 1, 1), (3, 240, 80, 0, 2), (3, 200, 80, 0, 1)),
    *((3, 184, 80, 0, 1), (3, 184, 80, 0, 1), (3, 480, 112, 1, 1), (3, 672, 112, 1, 1)),
    *((5, 672, 160, 1, 2), (5, 960, 160, 1, 1), (5, 960, 160, 1, 1)),
)
V3_SMALL = (
    *((3, 16, 16, 1, 2), (3, 72, 24, 0, 2), (3, 88, 24, 0, 1), (5, 96, 40, 1, 2)),
    *((5, 240, 40, 1, 1), (5, 240, 40, 1, 1), (5, 120, 48, 1, 1), (5, 144, 48, 1, 1)),
    *((5, 288, 96, 1, 2), (5, 576, 96, 1, 1), (5, 576, 96, 1, 1)),
)
"""Kernel, expanded channels, outputs, squeeze and excitation, stride (Tables 1 and 2)."""


def mobilenet_v3(
    bottlenecks: Sequence[tuple[int, int, int, int, int]], last: int, head: int
) -> Chain:
    """Return a MobileNetV3 of width 1."""
    net = Chain(3, 224, 224)
    net.conv(16, 3, 2).row("stem")
    for number, (kernel, expanded, out, squeezes, stride) in enumerate(bottlenecks, 1):
        squeeze = divisible(expanded // 4) if squeezes else 0
        inverted(net, expanded, out, kernel, stride, squeeze)
        net.row(f"bottleneck {number}", f"{net.height} x {net.width}")
    net.conv(last, 1).row("conv")
    return net.resized().full(head).row("fc 1").full(CLASSES).row("fc 2")


def efficientnet_b0() -> Chain:
    """Return EfficientNet-B0 (Table 1: expansion, kernel, stride, channels, repeats)."""
    net = Chain(3, 224, 224)
    net.conv(32, 3, 2).row("stem")
    stages = (
        *((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3)),
        *((6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)),
    )
    for stage, (factor, kernel, stride, out, repeats) in enumerate(stages, 2):
        for place in range(1, repeats + 1):
            own = stride if place == 1 else 1
            inverted(net, factor * net.channels, out, kernel, own, net.channels // 4)
            net.row(f"MBConv {stage}-{place}", f"stage {stage}")
    return net.conv(1280, 1).row("conv").resized().full(CLASSES).row("fc")


def vision_transformer(width: int, depth: int = 12, patch: int = 16) -> Chain:
    """Return a vision transformer; a cut hands all tokens on."""
    net = Chain(3, 224, 224)
    net.conv(width, patch, patch, 0, bias=True, norm=False)
    tokens = net.height * net.width + 1
    net.parameters += width * (1 + tokens)
    net.height, net.width = tokens, 1
    net.row("patches")
    weights = 12 * width**2
    biases = 9 * width + 4 * width  # of the full layers, and of two normalisations
    for number in range(1, depth + 1):
        net.macs = tokens * weights + 2 * tokens**2 * width
        net.parameters = weights + biases
        net.row(f"encoder {number}")
    net.norm().resized().full(CLASSES)
    return net.row("head")
