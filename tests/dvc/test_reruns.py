"""Exactly which stages run again after a parameter has changed."""

import re
import shutil
from typing import Any

import pytest

from tests.dvc.workspace import ENTITY_IMAGES, IMAGES, SYSTEMS, Workspace, both

pytestmark = pytest.mark.dvc

TRAIN = {f"train_{system}" for system in SYSTEMS}
EVALUATE = {f"evaluate_{system}" for system in SYSTEMS}
EXTRACT = {"extract@tags", "extract@regions", "extract@caption"}
# The vectors of the words of posts and of tables of phrases.
LOOKED_UP = {"vectors@glove50", "attribute_vectors@glove50", "knowledge_vectors@glove50"}
LOOKED_UP |= {"caption_vectors@glove50", "hashtag_vectors@glove50"}

CWI = both("cwi", "cwi_attention")  # which read the image words
# Those that read image features.
SEEING = both("adaptive_coattention", "modality_attention", "attributes_knowledge") | CWI

# A parameter, another value of it, and the stages that depend on it themselves.
DIRECT: list[tuple[str, Any, set[str]]] = [
    ("prepare.rename", {"MISC": "OTHER"}, {"prepare"}),
    ("prepare.entity_types", ["PER", "LOC", "ORG", "OTHER", "EVENT"], {"prepare", "vocab"}),
    ("dataset.dev", "samples/posts/test.txt", {"prepare"}),
    ("dataset.images", "data/copied", {"index_images", *EXTRACT}),
    ("dataset.captions", "samples/posts/test.txt", {"train_captioner"}),
    ("dataset.name", "my corpus", EVALUATE),
    ("index_images.on_bad_image", "error", {"index_images", "index_entity_images"}),
    ("index_images.on_no_image", "mask", {"index_images", "index_entity_images"}),
    ("index_images.max_pixels", 1_000_000, {"index_images", "index_entity_images"}),
    ("extract.tags.precision", "bfloat16", {"extract@tags", "extract_entity_images"}),
    ("extract.tags.sha256", "0" * 64, {"extract@tags", "extract_entity_images"}),
    ("extract.regions.outputs", ["grid", "pooled"], {"extract@regions"}),
    ("extract.regions.backbone", "vgg16", {"extract@regions"}),
    ("extract.caption.weights", "random:1", {"extract@caption"}),
    ("tags.top_k", 3, {"tags"}),
    ("graph.aliases", [], {"graph"}),
    ("graph.languages", ["en"], {"graph"}),
    ("mentions.source", "gold", {"mentions"}),
    ("knowledge.theta", 0.8, {"knowledge"}),
    ("knowledge.scorer", "token_set_ratio", {"label_index", "knowledge"}),
    ("tag_posts.folds", 3, {"tag_posts"}),
    ("segmenter.phrases", 70, {"train_segmenter"}),
    ("hashtags.segmenter", "camel", {"hashtags"}),
    ("captioner.min_count", 2, {"train_captioner"}),
    ("caption.beam_width", 2, {"caption"}),
    ("vocab.splits", ["train", "dev"], {"vocab"}),
    ("vocab.min_count", 2, {"vocab"}),
    ("vocab.normalize.lowercase", False, {"vocab"}),
    ("vectors.splits", ["train", "dev"], {"vectors@glove50"}),
    ("vectors.lowercase_fallback", False, LOOKED_UP),
    ("vectors.hashtag_fallback", False, LOOKED_UP),
    ("vectors.sources.glove50.width", 100, LOOKED_UP),
    ("vectors.default", [], set()),  # of use to conf/ alone
    ("vectors.joint", [], set()),
    ("context.default", "minilm", set()),  # of use to conf/ alone
    ("train.seeds", [2], TRAIN),
    ("train.batch_posts", 4, TRAIN),
    ("systems.bilstm_crf.training.learning_rate", 0.01, {"train_bilstm_crf"}),
    ("systems.bilstm_crf.model.hidden", 16, {"train_bilstm_crf"}),
    ("systems.cnn_bilstm_crf.model.char_filters", 8, {"train_cnn_bilstm_crf", "tag_posts"}),
    ("systems.adaptive_coattention.model.dropout", 0.3, {"train_adaptive_coattention"}),
    ("systems.adaptive_coattention.model.attention", "interactive", {"train_adaptive_coattention"}),
    ("systems.modality_attention.model.fusion", "concatenate", {"train_modality_attention"}),
    ("systems.cwi.model.regularized", True, {"train_cwi"}),
    ("systems.cwi_attention.model.readout", "attended", {"train_cwi_attention"}),
    ("systems.attributes_knowledge.model.image", False, {"train_attributes_knowledge"}),
    ("systems.trimod.model.fusion", "scaled_dot", {"train_trimod"}),
    ("leaderboard.order_by", "dev", {"leaderboard", "report"}),
    ("runtime.device", "cpu", set()),
    ("runtime.batch", 3, set()),
    ("runtime.workers", 1, set()),
    ("runtime.engine", "ray", set()),
    ("runtime.actors", 2, set()),
    ("runtime.checkpoints", None, set()),
    ("runtime.fresh", True, set()),
    ("runtime.checkpoint_seconds", 5, set()),
    ("runtime.processes", 1, set()),
    ("runtime.deterministic", True, set()),
    ("runtime.progress", "lines", set()),
    ("runtime.weights_dir", "data/weights", set()),
]


@pytest.fixture(scope="module")
def fixed(reproduced: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy in which nothing runs; it also has the images in a second folder."""
    made = reproduced.copy(tmp_path_factory.mktemp("fixed") / "project")
    shutil.copytree(made.path / "data" / "images", made.path / "data" / "copied")
    return made


def test_nothing_changed(workspace: Workspace) -> None:
    assert workspace.repro().ran == set()
    assert workspace.git("status", "--short").output == ""


ALONE = [row for row in DIRECT if row[2]]


@pytest.mark.parametrize(("key", "value", "stages"), ALONE, ids=[key for key, _, _ in ALONE])
def test_depend_on(fixed: Workspace, key: str, value: object, stages: set[str]) -> None:
    assert len({row[0] for row in DIRECT}) == len(DIRECT) >= 15
    assert would_run_with(fixed, {key: value}) == stages


def test_nothing_depends_on(fixed: Workspace) -> None:
    """All of these parameters have other values at once."""
    changes = {key: value for key, value, stages in DIRECT if not stages}
    assert would_run_with(fixed, changes) == set()


def would_run_with(fixed: Workspace, changes: dict[str, Any]) -> set[str]:
    """What other parameters would make run; params.yaml is then as it was."""
    params = fixed.path / "params.yaml"
    before = params.read_bytes()
    fixed.change(changes)
    try:
        return fixed.would_run()
    finally:
        params.write_bytes(before)


def test_what_would_run_is_what_dvc_says(fixed: Workspace) -> None:
    fixed.change({"train.seeds": [3], "tags.top_k": 4})
    assert fixed.would_run() == {"tags", *TRAIN} == fixed.repro("--dry").ran
    fixed.git("checkout", "--quiet", "params.yaml")


def test_every_parameter_is_in_the_table(reproduced: Workspace) -> None:
    """Each block has a row, but for the parts of `dataset` that are paths like those listed."""
    rows = {tuple(key.split(".")) for key, _, _ in DIRECT}
    blocks = {key[:2] if key[0] in ("extract", "systems") else key[:1] for key in rows}
    tree = reproduced.params()
    wanted = {(name, inner) for name in ("extract", "systems") for inner in tree[name]}
    wanted |= {(name,) for name in tree if name not in ("extract", "systems")}
    assert blocks == wanted
    knobs = {key[1] for key in rows if key[0] == "runtime"}
    assert knobs == tree["runtime"].keys()


def test_equal_outputs_stop_the_run(workspace: Workspace) -> None:
    """What comes out as it was makes nothing else run; the runtime's knobs run nothing at all."""
    workspace.change(
        {
            "runtime.batch": 3,
            "runtime.workers": 1,
            "runtime.progress": "lines",
            "runtime.device": "cpu",
            "prepare.rename": {"MISC": "OTHER"},
            "index_images.on_bad_image": "error",
        }
    )
    assert workspace.repro().ran == {"prepare", "index_images", "index_entity_images"}
    assert workspace.would_run() == set()


def test_a_system_that_sees(workspace: Workspace) -> None:
    """It is trained and scored, from the caches: the image folder is not even there."""
    details = workspace.files("metrics/details")
    shutil.rmtree(workspace.path / "data" / "images")
    workspace.change({"systems.adaptive_coattention.model.dropout": 0.3})
    done = workspace.repro("--allow-missing")
    shown = {"report"}  # which shows the learning curves, too
    assert done.ran == both("adaptive_coattention") | scored(workspace, details) | shown


def scored(workspace: Workspace, before: dict[str, bytes]) -> set[str]:
    """The leaderboard's stage, if scores are other ones than before."""
    return {"leaderboard"} if workspace.files("metrics/details") != before else set()


@pytest.mark.parametrize(
    ("changes", "targets", "ran", "computed", "next_to_run"),
    [
        pytest.param(
            {"extract.tags.precision": "bfloat16", "extract.regions.outputs": ["grid", "pooled"]},
            {"extract@regions", "extract_entity_images", "tags"},
            {"extract@regions", "extract@tags", "extract_entity_images", "tags"},
            [IMAGES, IMAGES, ENTITY_IMAGES],
            {"attribute_vectors@glove50", "knowledge", "report", *SEEING},
            id="two roles",
        ),
        pytest.param(
            {"index_images.max_pixels": 180_000},
            {"index_images", "extract@tags", "tags"},
            {"index_images", "extract@tags", "tags"},
            [0],
            {"extract@regions", "extract@caption", "index_entity_images", "knowledge", "report"}
            | {"attribute_vectors@glove50", "train_captioner", *SEEING, *both("trimod")},
            id="two images less",
        ),
        pytest.param(
            {"prepare.rename": {"OTHER": "ORG"}},
            {"index_images", "vocab"},
            {"prepare", "index_images", "vocab"},
            [],
            TRAIN
            | EVALUATE
            | LOOKED_UP
            | {"train_segmenter", "hashtags", "mentions"}
            | {"tag_posts", "knowledge", "report"},
            id="other labels",
        ),
        pytest.param(
            {"vocab.min_count": 2},
            {"vectors@glove50"},
            {"vocab", "vectors@glove50"},  # the same words are looked up: those of the posts
            [],
            TRAIN | {"tag_posts"} | LOOKED_UP - {"vectors@glove50"},
            id="fewer words",
        ),
    ],
)
def test_as_far_as_the_features(
    workspace: Workspace,
    changes: dict[str, Any],
    targets: set[str],
    ran: set[str],
    computed: list[int],
    next_to_run: set[str],
) -> None:
    workspace.change(changes)
    done = workspace.repro(*sorted(targets))
    assert done.ran == ran
    assert workspace.would_run() == next_to_run
    counts = re.findall(r"(\d+) images? computed", done.output)
    assert sorted(map(int, counts)) == computed
