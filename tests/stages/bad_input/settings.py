"""params.yaml."""

from functools import partial

from tests.stages.bad_input.case import Case, Spoil, all_of, gone, put, setting
from tests.stages.conftest import Project


def params(content: str | bytes) -> Spoil:
    """Replace params.yaml."""
    return put("params.yaml", content)


def extra(name: object, value: object) -> Spoil:
    """Add a section."""
    return lambda project: project.params(lambda tree: tree.update({name: value}))  # type: ignore[dict-item]


def without(project: Project) -> None:
    """Leave a section out."""
    project.params(lambda tree: tree.pop("vocab"))


TAGS = "extract.tags"
_params = partial(Case, run="vocab")
PARAMS = [
    Case(
        "an unknown key",
        setting("prepare", renames={}),
        "params.yaml: prepare: unknown key 'renames' (did you mean 'rename'?)",
        "prepare",
    ),
    Case(
        "an unknown key of index_images",
        setting("index_images", on_bad_images="mask"),
        "params.yaml: index_images: unknown key 'on_bad_images' (did you mean 'on_bad_image'?)",
        "index_images",
    ),
    Case(
        "an unknown key of runtime",
        setting("runtime", worker=2),
        "params.yaml: runtime: unknown key 'worker' (did you mean 'workers'?)",
        "index_images",
    ),
    _params(
        "an unknown key within a block",
        setting("vocab.normalize", lowercased=True),
        "params.yaml: vocab: unknown key 'normalize.lowercased' (did you mean 'lowercase'?)",
    ),
    Case(
        "an unknown key of a source",
        setting("vectors.sources.mine", widht=3),
        "params.yaml: vectors: unknown key 'sources.mine.widht' (did you mean 'width'?)",
        "vectors",
    ),
    _params(
        "an unknown section",
        extra("vocabulary", {}),
        "params.yaml: unknown section 'vocabulary' (did you mean 'vocab'?)",
    ),
    _params("a section that is a number", extra(2015, {}), "params.yaml: unknown section 2015"),
    _params("a section missing", without, "params.yaml: section 'vocab' is missing"),
    _params(
        "a word for a number",
        setting("vocab", min_count="few"),
        "params.yaml: vocab: min_count: Input should be a valid integer",
    ),
    _params(
        "no params.yaml",
        gone("params.yaml"),
        "params.yaml: no such file; run from the project's root",
    ),
    _params("an empty one", params(b""), "params.yaml: expected a mapping of sections"),
    _params("no YAML", params(b"vocab: [\n"), "params.yaml: not valid YAML"),
    _params(
        "YAML that would run a program",
        params(b"vocab: !!python/object/apply:os.mkdir [owned]\n"),
        "params.yaml: not valid YAML: …could not determine a constructor",
    ),
    _params("YAML nested 10,000 deep", params(b"[" * 10_000), "params.yaml: not valid YAML"),
    _params("a control character", params(b"vocab: \x1b[2J\n"), "params.yaml: not valid YAML"),
    _params(
        "text in Latin-1", params(b"# caf\xe9\nvocab: {}\n"), "params.yaml: not UTF-8 (byte 5)"
    ),
    Case(
        "a source that is none",
        setting("vectors", default=["mien"]),
        "params.yaml: vectors.sources has no 'mien' (did you mean 'mine'?)",
        "vectors --source mien",
    ),
    _params(
        "no split for the vocabulary",
        setting("vocab", splits=[]),
        "features/posts.parquet: no post of vocab.splits ()",
    ),
    Case(
        "an unknown backbone",
        setting(TAGS, backbone="eficientnet_lite0"),
        "…did you mean 'efficientnet_lite0'?",
        "extract",
    ),
    Case(
        "an output that the backbone has not",
        setting(TAGS, outputs=["logit"]),
        "…did you mean 'logits'?",
        "extract",
    ),
    Case(
        "an unknown system",
        setting("prepare"),
        "unknown system 'bilstm_cfr' (did you mean 'bilstm_crf'?)",
        "train --system bilstm_cfr",
    ),
    Case(
        "an unknown key of a system",
        setting("systems.bilstm_crf.model", droput=0.1),
        "…unknown key 'model.droput' (did you mean 'dropout'?)",
        "train",
    ),
    Case(
        "vectors that dvc.yaml does not pass",
        all_of(setting("systems.bilstm_crf", vectors=["mine", "glove"])),
        "bilstm_crf: params name the vectors ['mine', 'glove'], the stage passes ['mine']",
        "train",
    ),
]
