"""Importing N-Triples in a process of its own: how fast, and with how much memory.

`python -m benchmarks.graph.imports FILE FOLDER` imports one file and prints one line of JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

from pipeline.knowledge.graph.importing import import_graph
from pipeline.params.block import read
from pipeline.params.graph import Graph

PARAMS = Path("params.yaml")
ENTITIES, RELATIONS = 200_000, 200
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
BASE = "http://dbpedia.org"


def write_triples(path: Path, count: int, names: list[str], seed: int) -> None:
    """`count` lines: a label for each of 200,000 entities, then triples between these."""
    random = Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for at in range(min(ENTITIES, count // 2)):
            name = names[at % len(names)].replace("\\", "").replace('"', "")
            file.write(f'<{BASE}/resource/Entity_{at}> <{LABEL}> "{name}"@en .\n')
        for _ in range(count - min(ENTITIES, count // 2)):
            # the square of a uniform number: some entities have many triples
            one, other = (int(ENTITIES * random.random() ** 2) for _ in range(2))
            relation = int(RELATIONS * random.random())
            file.write(
                f"<{BASE}/resource/Entity_{one}> <{BASE}/ontology/relation{relation}>"
                f" <{BASE}/resource/Entity_{other}> .\n"
            )


def measure(path: Path, folder: Path) -> dict[str, Any]:
    """Import a file in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.graph.imports", str(path), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _run(path: Path, folder: Path) -> dict[str, Any]:
    params = read(PARAMS, "graph", Graph).model_copy(update={"labels": [LABEL]})
    before = _memory("VmRSS")
    start = time.perf_counter()
    report = import_graph(params, path, folder / "graph", folder / "graph.json")
    seconds = time.perf_counter() - start
    graph = report.graph
    adjacency = vars(graph.adjacency).values()
    tables = graph.triples.nbytes + sum(column.nbytes for column in adjacency)
    return {
        "statements": report.statements,
        "triples_s": round(report.statements / seconds),
        "peak_mb": round(_memory("VmHWM") - before),
        "tables_mb": round(tables / 1e6),
    }


def _memory(key: str) -> float:
    """Megabytes: what this process holds (VmRSS), or held at its peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = next(line for line in lines if line.startswith(f"{key}:"))
    return int(found.split()[1]) * 1024 / 1e6


if __name__ == "__main__":
    print(json.dumps(_run(Path(sys.argv[1]), Path(sys.argv[2]))))
