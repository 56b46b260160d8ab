"""The file of networks in the catalogue: ``python -m experiments.catalog`` writes it again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from eipyomo.catalog.shelves import DATA, LAYER_KEYS, SCHEMA
from eipyomo.files import write_atomically
from experiments import architectures as of
from experiments.architectures import Chain

PICTURE = (3, 224, 224)
IMAGENET = "pictures, 1000 classes (ImageNet)"
TORCHVISION = (
    "PyTorch, torchvision, metadata of its classification weights (num_params, _ops in billions)"
)


class Published(NamedTuple):
    """What of a network does not follow from its architecture."""

    name: str
    year: int
    source: str
    chain: Callable[[], Chain]
    aliases: Sequence[str] = ()
    task: str = IMAGENET
    shape: Sequence[int] = PICTURE
    check: str = TORCHVISION


VGG = "K. Simonyan and A. Zisserman, Very deep convolutional networks, ICLR 2015, Table 1, "
RESNET = "K. He, X. Zhang, S. Ren and J. Sun, Deep residual learning, CVPR 2016, Table 1"
RESNET_LATER = f"{RESNET}; stride at the 3 x 3 convolution as in torchvision"
MOBILENET_V3 = "A. Howard et al., Searching for MobileNetV3, ICCV 2019, "
FEDAVG = "H. B. McMahan et al., Communication-efficient learning of deep networks, AISTATS 2017"

NETWORKS = (
    Published(
        "LeNet-5",
        1998,
        "Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied to "
        "document recognition, Proc. IEEE 86(11), 1998, section II.B and Table I",
        of.lenet5,
        ("LeNet",),
        "digits, 10 classes (MNIST)",
        (1, 32, 32),
        "the same paper: 60,000 trained parameters, 340,908 connections",
    ),
    Published(
        "FedAvg MNIST CNN",
        2017,
        f"{FEDAVG}, section 3",
        of.mnist_cnn,
        ("MNIST CNN", "FedAvg CNN"),
        "digits, 10 classes (MNIST)",
        (1, 28, 28),
        "the same paper: 1,663,370 parameters",
    ),
    Published(
        "CIFAR CNN",
        2017,
        f"{FEDAVG}, section 3, which takes the one of TensorFlow's tutorial on deep CNNs "
        "(CIFAR-10, cropped to 24 x 24)",
        of.cifar_cnn,
        ("FedAvg CIFAR CNN", "CIFAR-10 CNN"),
        "pictures, 10 classes (CIFAR-10)",
        (3, 24, 24),
        "that tutorial: 1,068,298 parameters; 19.5 M multiply-adds, local normalisation included",
    ),
    Published(
        "char-LSTM",
        2021,
        "S. Reddi et al., Adaptive federated optimization, ICLR 2021, appendix, Shakespeare model",
        of.char_lstm,
        ("Shakespeare LSTM", "character LSTM"),
        "next of 90 characters (Shakespeare)",
        (80,),
        "the same paper, the table of its layers: 720, 271,360, 525,312 and 23,130 parameters",
    ),
    Published(
        "AlexNet",
        2012,
        "A. Krizhevsky, One weird trick for parallelizing convolutional neural networks, 2014, "
        "arXiv:1404.5997, the network of its footnote 1",
        of.alexnet,
    ),
    Published("VGG11", 2015, f"{VGG}column A", lambda: of.vgg((1, 1, 2, 2, 2))),
    Published("VGG16", 2015, f"{VGG}column D", lambda: of.vgg((2, 2, 3, 3, 3))),
    Published("VGG19", 2015, f"{VGG}column E", lambda: of.vgg((2, 2, 4, 4, 4))),
    Published("ResNet-18", 2016, RESNET, lambda: of.resnet((2, 2, 2, 2), is_deep=False)),
    Published("ResNet-34", 2016, RESNET, lambda: of.resnet((3, 4, 6, 3), is_deep=False)),
    Published("ResNet-50", 2016, RESNET_LATER, lambda: of.resnet((3, 4, 6, 3), is_deep=True)),
    Published("ResNet-101", 2016, RESNET_LATER, lambda: of.resnet((3, 4, 23, 3), is_deep=True)),
    Published(
        "GoogLeNet",
        2015,
        "C. Szegedy et al., Going deeper with convolutions, CVPR 2015, Table 1; normalised and "
        "with 3 x 3 for 5 x 5 as in torchvision",
        of.googlenet,
        ("Inception v1",),
    ),
    Published(
        "SqueezeNet 1.1",
        2016,
        "F. Iandola et al., SqueezeNet, 2016, arXiv:1602.07360, Table 1; version 1.1 of its "
        "authors' repository",
        of.squeezenet,
        ("SqueezeNet",),
    ),
    Published(
        "DenseNet-121",
        2017,
        "G. Huang, Z. Liu, L. van der Maaten and K. Weinberger, Densely connected convolutional "
        "networks, CVPR 2017, Table 1",
        of.densenet121,
    ),
    Published(
        "MobileNetV1",
        2017,
        "A. Howard et al., MobileNets, 2017, arXiv:1704.04861, Table 1",
        of.mobilenet_v1,
        ("MobileNet",),
        check="the same paper, Table 8: 4.2 M parameters, 569 M multiply-adds",
    ),
    Published(
        "MobileNetV2",
        2018,
        "M. Sandler et al., MobileNetV2, CVPR 2018, Table 2",
        of.mobilenet_v2,
    ),
    Published(
        "MobileNetV3-Small",
        2019,
        f"{MOBILENET_V3}Table 2",
        lambda: of.mobilenet_v3(of.V3_SMALL, 576, 1024),
    ),
    Published(
        "MobileNetV3-Large",
        2019,
        f"{MOBILENET_V3}Table 1",
        lambda: of.mobilenet_v3(of.V3_LARGE, 960, 1280),
        ("MobileNetV3",),
    ),
    Published(
        "EfficientNet-B0",
        2019,
        "M. Tan and Q. Le, EfficientNet, ICML 2019, Table 1",
        of.efficientnet_b0,
    ),
    Published(
        "DeiT-Ti",
        2021,
        "H. Touvron et al., Training data-efficient image transformers, ICML 2021, Table 1",
        lambda: of.vision_transformer(192),
        ("ViT-Ti/16", "DeiT-Tiny"),
        check="the same paper: 5 M parameters (Table 1); 5.7 M of the authors' repository",
    ),
    Published(
        "ViT-B/16",
        2021,
        "A. Dosovitskiy et al., An image is worth 16x16 words, ICLR 2021, Table 1",
        lambda: of.vision_transformer(768),
        ("ViT-Base", "ViT-B"),
    ),
)


def document() -> dict[str, Any]:
    """Return what the file holds."""
    return {
        "schema": SCHEMA,
        "columns": list(LAYER_KEYS),
        "networks": [
            {
                "name": one.name,
                "aliases": list(one.aliases),
                "year": one.year,
                "task": one.task,
                "input_shape": list(one.shape),
                "source": one.source,
                "check": one.check,
                "layers": [list(row) for row in one.chain().rows],
            }
            for one in NETWORKS
        ],
    }


def text() -> str:
    """Return the file's text: a line for each layer."""
    parts = []
    for network in document()["networks"]:
        layers = ",\n    ".join(json.dumps(row) for row in network.pop("layers"))
        keys = ",\n   ".join(
            f"{json.dumps(key)}: {json.dumps(value)}" for key, value in network.items()
        )
        parts.append(f'  {{{keys},\n   "layers": [\n    {layers}\n   ]}}')
    rows = ",\n".join(parts)
    columns = json.dumps(list(LAYER_KEYS))
    return (
        f'{{\n "schema": {json.dumps(SCHEMA)},\n "columns": {columns},\n'
        f' "networks": [\n{rows}\n ]\n}}\n'
    )


def main() -> None:
    """Write the file."""
    write_atomically({DATA / "networks.json": text()})


if __name__ == "__main__":
    main()
