"""Compare the extraction with its bound, the network alone, and with the plain loop, in one run.

The bound is the published network as torch runs it, up to the layer whose features are kept, on
batches that lie ready and normalised: channels-last, inference mode, autocast in bfloat16. `of_own`
compares with this project's form of the network, folded and fused, one batch on all threads. It
shows what decoding, hashing and writing cost, and what one pass a thread gains. The plain loop is
what scripts do: Pillow, the authors' transform, one image at a time, float32. `product` is the rate
of matrix products at that time, in TFLOP/s. The ratio of that rate in bfloat16 to that in float32
bounds `vs_plain`; on a shared processor it changes from minute to minute. Networks whose weights
are not at hand get random ones, which takes the same time.
"""

from __future__ import annotations

import csv
import hashlib
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from benchmarks.blocks import quiet
from pipeline.device import find_device
from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint
from pipeline.params.extract import Precision
from pipeline.progress import Shares, say
from pipeline.store.store import Store
from pipeline.vision.backbone import Backbone, Features, load_backbone
from pipeline.vision.decode import File, batches
from pipeline.vision.local_engine import fill_here
from pipeline.vision.weights import State, find_weights

DATA = Path("../shared/data/imagenet-sample")
EMBEDDED = "efficientnet_lite0"
ROLES = {  # the outputs that the published systems read
    "vgg16": ["grid"],
    "inception_v3": ["logits", "pooled"],
    "resnet50": ["logits", "pooled"],
    EMBEDDED: ["logits", "pooled"],
}
LAST = {"vgg16": "features"}  # the last module that the features need, if not the whole network
PRECISIONS: dict[Precision, int] = {"float32": 1, "bfloat16": 3}  # with the number of rounds
BATCH = 16
SEEDED = 64  # images on which precisions are compared if weights are random
PLAIN = 16  # images of the plain loop before the pipeline, and again after it
SIDE = 1024  # rows and columns of the matrices whose product measures the processor
PRODUCTS = 40  # such products in one measurement


@click.command()
@click.option("--data", type=click.Path(path_type=Path), default=DATA, show_default=True)
@click.option("--images", type=int, default=None, help="Only so many; all if not given.")
@click.option("--network", "networks", multiple=True, type=click.Choice(list(ROLES)))
@click.option("--precision", "precisions", multiple=True, type=click.Choice(list(PRECISIONS)))
@click.option("--device", default="auto", show_default=True)
@click.option("--workers", default=2, show_default=True)
def main(
    data: Path,
    images: int | None,
    networks: tuple[str, ...],
    precisions: tuple[Precision, ...],
    device: str,
    workers: int,
) -> dict[str, object]:
    """Measure each network in float32 and bfloat16, and compare the two."""
    files = photographs(data)[:images]
    found = find_device(device)
    result: dict[str, object] = {}
    for name in networks or ROLES:
        backbone = load_backbone(name)
        weights = "imagenet" if name == EMBEDDED else "random:0"
        state = find_weights(weights, backbone.weights, backbone.network).load()
        case = Case(backbone, state, files, found, workers)
        measured: dict[str, object] = {
            precision: case.measure(precision, rounds)
            for precision, rounds in PRECISIONS.items()
            if precision in (precisions or PRECISIONS)
        }
        if len(measured) == len(PRECISIONS):
            measured["bfloat16_against_float32"] = case.agreement()
        result[name] = measured
        click.echo(f"{name}: {result[name]}", err=True)
    return result


def photographs(data: Path) -> list[File]:
    """The JPEG files of the ImageNet sample, in the order of `Store.missing`."""
    if not (data / "labels.tsv").exists():
        raise PipelineError(f"{data}: needs the ImageNet sample there (labels.tsv and its JPEGs)")
    with (data / "labels.tsv").open(encoding="utf-8", newline="") as lines:
        paths = [data / row["file"] for row in csv.DictReader(lines, delimiter="\t")]
    files = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in paths}
    return [File(files[key], key) for key in sorted(files)]


@dataclass(frozen=True)
class Case:
    """One network over the photographs."""

    backbone: Backbone
    state: State
    files: Sequence[File]
    device: torch.device
    workers: int

    def measure(self, precision: Precision, rounds: int) -> dict[str, float]:
        """Images a second and ratios of times from the same round, each the median of rounds."""
        own = self.build(precision, ROLES[self.backbone.name])
        published = self.published(precision)
        dtype = getattr(torch, precision)
        loop = self.plain_loop()
        ready = self.ready()
        half = -(-len(ready) // 2)
        seconds(own, ready[:1]), seconds(published, ready[:1]), loop(self.files[:1])  # warm
        of_bound, of_own, vs_plain, rates, products = [], [], [], [], []
        for _ in range(rounds):  # things that are compared run close together
            products.append(product(dtype, self.device))
            bound = seconds(published, ready[:half])
            alone = seconds(own, ready[:half])
            one = loop(self.files[:PLAIN])
            pipeline = self.pipeline(own)
            one += loop(self.files[-PLAIN:])
            alone += seconds(own, ready[half:])
            bound += seconds(published, ready[half:])
            one *= len(self.files) / (2 * min(PLAIN, len(self.files)))
            of_bound.append(bound / pipeline)
            of_own.append(alone / pipeline)
            vs_plain.append(one / pipeline)
            rates.append(len(self.files) / pipeline)
            products.append(product(dtype, self.device))
        return {
            "of_bound": round(median(of_bound), 3),
            "of_own": round(median(of_own), 3),
            "vs_plain": round(median(vs_plain), 2),
            "images_s": round(median(rates), 1),
            "product": round(median(products), 3),
        }

    def build(self, precision: Precision, outputs: Sequence[str]) -> Features:
        """Build the project's form of the network, on its device."""
        kept = self.backbone.select(outputs)
        return self.backbone.build(self.state, kept, precision).placed(self.device)

    def ready(self) -> list[Tensor]:
        """All photographs as normalised batches (b, 3, crop, crop), channels-last."""
        preprocessing = self.backbone.preprocessing
        made = []
        for _, pixels in batches(self.files, preprocessing, batch=BATCH, workers=self.workers):
            planes = torch.from_numpy(pixels).permute(0, 3, 1, 2).to(self.device)
            made.append(preprocessing.normalize(planes))
        return made

    def pipeline(self, features: Features) -> float:
        """The seconds from the files to a finished store."""
        fingerprint = Fingerprint(self.backbone.name, 1, "0" * 64, "", "", "", features.outputs)
        runtime = quiet(device=str(self.device), batch=BATCH, workers=self.workers)
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            with Store(Path(folder) / "store", fingerprint) as store:
                store.missing(file.sha256 for file in self.files)
                shares = Shares()
                for _ in fill_here(
                    store, self.backbone, features, self.files, shares, runtime, say
                ):
                    pass
                store.finish()
            spent = time.perf_counter() - start
        click.echo(f"{self.backbone.name} {features.precision}: {shares}", err=True)
        return spent

    def network(self) -> nn.Module:
        """The authors' own network, unchanged, up to the layer whose features are kept."""
        network = self.backbone.network()
        network.load_state_dict(self.state)
        network.eval().requires_grad_(False).to(self.device)
        return network.get_submodule(LAST.get(self.backbone.name, ""))

    def published(self, precision: Precision) -> Callable[[Tensor], object]:
        """The authors' network as torch runs it fastest without changing it."""
        network = self.network().to(memory_format=torch.channels_last)
        reduced, dtype = precision != "float32", getattr(torch, precision)

        def run(batch: Tensor) -> object:
            with torch.autocast(self.device.type, dtype) if reduced else nullcontext():
                return network(batch)

        return run

    def plain_loop(self) -> Callable[[Sequence[File]], float]:
        """The loop that scripts write, as a function from files to seconds."""
        network = self.network()
        preprocessing = self.backbone.preprocessing

        def loop(files: Sequence[File]) -> float:
            start = time.perf_counter()
            for file in files:
                with Image.open(file.path) as opened:
                    pixels = preprocessing.pixels(opened.convert("RGB"))
                batch = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].contiguous()
                with torch.no_grad():
                    network(preprocessing.normalize(batch.to(self.device))).cpu()
            return time.perf_counter() - start

        return loop

    def agreement(self) -> dict[str, float]:
        """How well bfloat16 agrees with float32: cosine of the features, and chosen classes."""
        every = [name for name in ("logits", "pooled", "grid") if name in self.backbone.outputs]
        given: dict[Precision, dict[str, np.ndarray]] = {}
        count = len(self.files) if self.backbone.name == EMBEDDED else SEEDED
        ready = self.ready()[: -(-count // BATCH)]
        for precision in PRECISIONS:
            features = self.build(precision, every)
            with torch.inference_mode():
                made = [features(batch) for batch in ready]
            given[precision] = {
                name: torch.cat([one[name].float() for one in made]).cpu().numpy() for name in every
            }
        full, half = given["float32"], given["bfloat16"]
        kind = "pooled" if "pooled" in every else "grid"
        a, b = (rows[kind].reshape(len(rows[kind]), -1) for rows in (full, half))
        cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)  # (n,)
        best = [np.argsort(-rows["logits"], axis=1)[:, :5] for rows in (full, half)]  # (n, 5) each
        shared = [len(set(x) & set(y)) / 5 for x, y in zip(*best, strict=True)]
        return {
            "images": len(a),
            f"{kind}_cosine_mean": round(float(cosine.mean()), 6),
            f"{kind}_cosine_least": round(float(cosine.min()), 6),
            "top1": round(float((best[0][:, 0] == best[1][:, 0]).mean()), 4),
            "top5": round(float(np.mean(shared)), 4),
        }


def product(dtype: torch.dtype, device: torch.device) -> float:
    """The TFLOP/s of products of matrices of `dtype`, SIDE x SIDE; on a CPU, on one thread."""
    factor = torch.ones(SIDE, SIDE, dtype=dtype, device=device)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        seconds(factor.mm, [factor])  # warm
        return PRODUCTS * 2 * SIDE**3 / seconds(factor.mm, [factor] * PRODUCTS) / 1e12
    finally:
        torch.set_num_threads(threads)


def seconds(run: Callable[[Tensor], object], ready: Sequence[Tensor]) -> float:
    """The seconds that a network takes for batches that lie ready."""
    start = time.perf_counter()
    with torch.inference_mode():
        for batch in ready:
            run(batch)
    if ready and ready[0].is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start
