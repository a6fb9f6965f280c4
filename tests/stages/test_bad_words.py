"""Vectors of words that are none end a stage with a sentence."""

from pipeline.tables.phrases import plain, write_phrases
from tests.stages.conftest import Project


def test_vectors_of_phrases(project: Project) -> None:
    table = project.path / "features/hashtags.parquet"
    write_phrases(table, "token", "00", [("#MetAda", plain(["met", "Ada"]))])
    report = project.passes("phrase_vectors")
    assert report.startswith("2 of 2 words in use found (100.0 %)")
    assert "(hashtags 100.0 %)" in report
    message = project.fails("phrase_vectors", source="mien")
    assert message.startswith("params.yaml: vectors.sources has no 'mien' (did you mean 'mine'?)")
    table.write_bytes(table.read_bytes()[:-9])
    assert "hashtags.parquet: not a sound Parquet file" in project.fails("phrase_vectors")
