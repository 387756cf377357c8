"""MNIST and its successors: 60,000 training and 10,000 test images of 28x28 grey pixels, split as classic tutorials do.

Sources: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", 1998; H. Xiao, K. Rasul,
R. Vollgraf, "Fashion-MNIST", arXiv 1708.07747; T. Clanuwat et al., "Deep Learning for Classical Japanese Literature",
arXiv 1812.01718. KMNIST's checksums are those of TensorFlow Datasets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from mnist_sweep.data import data_folders, download, idx
from mnist_sweep.data.builtin_files import VerifiedFiles

MIRRORS = ("https://storage.googleapis.com/cvdf-datasets/mnist", "https://ossci-datasets.s3.amazonaws.com/mnist")
FILES = {
    "train images": "train-images-idx3-ubyte",
    "train labels": "train-labels-idx1-ubyte",
    "test images": "t10k-images-idx3-ubyte",
    "test labels": "t10k-labels-idx1-ubyte",
}
SHA256 = {
    "train images": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train labels": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "test images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "test labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
COMPRESSED_SHA256 = {
    "train images": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train labels": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "test images": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "test labels": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
# Of the compressed files.
FASHION_SHA256 = {
    "train images": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train labels": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "test images": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "test labels": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
KMNIST_SHA256 = {
    "train images": "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
    "train labels": "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
    "test images": "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
    "test labels": "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MNIST(VerifiedFiles):
    """MNIST: 10 classes, image shape `(28, 28, 1)`, pixels from 0 to 255.

    Validation is the first of the 60,000 training images, train those after it, test the first of the 10,000 others.

    Attributes:
        HANDWRITING: The images are light handwriting on dark, and `predict` prepares a picture accordingly.
    """

    HANDWRITING: ClassVar[bool] = True
    image_shape: ClassVar[tuple[int, int, int]] = (28, 28, 1)
    num_classes: ClassVar[int] = 10
    _available: ClassVar[tuple[int, int]] = (60_000, 10_000)
    _folder: ClassVar[str] = "mnist"
    _checksums: ClassVar[dict[str, str]] = SHA256
    _mirrors: ClassVar[tuple[str, ...]] = MIRRORS

    train_size: int = 55_000
    val_size: int = 5_000
    test_size: int = 10_000

    def _needed(self) -> dict[str, list[str]]:
        both = {part: (name, name.replace("-idx", ".idx")) for part, name in FILES.items()}
        suffixes = (".gz",) if self._as_distributed else (".gz", "")
        return {part: [f"{name}{suffix}" for name in names for suffix in suffixes] for part, names in both.items()}

    def _fetch(self, missing: Sequence[str]) -> dict[str, Path]:
        paths = {part: data_folders.cache_folder() / self._folder / f"{FILES[part]}.gz" for part in missing}
        checksums = self._checksums if self._as_distributed else COMPRESSED_SHA256
        for part, path in paths.items():
            download.fetch(path, self._mirrors, sha256=checksums[part])
        return paths

    def _parse(self, name: str, content: bytes, path: Path) -> Any:
        if name.endswith("labels"):
            return idx.parse(content, path, idx.LABELS_MAGIC)
        return idx.parse(content, path, idx.IMAGES_MAGIC)[..., None]


class _CompressedOnly(MNIST):
    """A data set in the files of MNIST, of which only the checksums of the compressed ones are known."""

    __slots__ = ()
    HANDWRITING: ClassVar[bool] = False
    _as_distributed: ClassVar[bool] = True


class FashionMNIST(_CompressedOnly):
    """Fashion-MNIST: pictures of clothes in 10 classes, otherwise like `MNIST`.

    Attributes:
        CLASSES: Names of the classes 0 to 9.
    """

    __slots__ = ()
    CLASSES: ClassVar[tuple[str, ...]] = (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    )
    _folder: ClassVar[str] = "fashion_mnist"
    _mirrors: ClassVar[tuple[str, ...]] = (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
    )
    _checksums: ClassVar[dict[str, str]] = FASHION_SHA256


class KMNIST(_CompressedOnly):
    """Kuzushiji-MNIST: handwritten Japanese characters in 10 classes, otherwise like `MNIST`.

    Attributes:
        CLASSES: The modern forms of the classes 0 to 9, in Latin letters.
    """

    __slots__ = ()
    CLASSES: ClassVar[tuple[str, ...]] = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    _folder: ClassVar[str] = "kmnist"
    _mirrors: ClassVar[tuple[str, ...]] = ("http://codh.rois.ac.jp/kmnist/dataset/kmnist",)
    _checksums: ClassVar[dict[str, str]] = KMNIST_SHA256
