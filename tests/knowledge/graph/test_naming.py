"""Labels, aliases and redirects against the rules applied one statement after the other."""

from __future__ import annotations

import random

import pytest

from pipeline.knowledge.graph.entities import Entity, local_name
from tests.knowledge.conftest import ALIAS, EXAMPLE, LABEL, REDIRECT, Import, named, statement

END = len(EXAMPLE)
L, A, R = LABEL[END:], ALIAS[END:], REDIRECT[END:]


def one_by_one(rows: list[tuple[str, str, str]]) -> list[Entity]:
    labels: dict[str, str] = {}
    others: dict[str, list[str]] = {}
    redirects: dict[str, str] = {}
    seen: set[str] = set()
    for subject, relation, target in rows:
        seen.add(subject)
        if relation == R:
            redirects[subject] = target
        elif relation == L and target and subject not in labels:
            labels[subject] = target
        elif relation in (L, A):
            others.setdefault(subject, []).extend([target] if target else [])
        if relation not in (L, A):
            seen.add(target)
    ends = {}
    for start in redirects:
        path = [start]
        while path[-1] in redirects and redirects[path[-1]] not in path:
            path.append(redirects[path[-1]])
        if path[-1] not in redirects:
            ends[start] = path[-1]
    for start, end in ends.items():
        own = labels.get(start) or local_name(EXAMPLE + start)
        others.setdefault(end, []).extend([own, *others.get(start, [])])
    return [
        Entity(EXAMPLE + name, labels.get(name), tuple(distinct))
        for name in sorted(seen - set(ends))
        for distinct in [[t for t in dict.fromkeys(others.get(name, [])) if t != labels.get(name)]]
    ]


@pytest.mark.parametrize("seed", range(30))
def test_names_of_entities(seed: int, imported: Import) -> None:
    generator = random.Random(seed)
    names = [f"e_{number}" for number in range(generator.choice([4, 12]))]
    rows, lines = [("e_0", "p", "e_0")], [statement("e_0", "p", "e_0")]
    for _ in range(generator.randrange(40)):
        subject, relation = generator.choice(names), generator.choice([L, L, A, A, R, "p"])
        literal = relation in (L, A)
        target = generator.choice(["", "x", "y y", "é", "e 1"] if literal else names)
        rows.append((subject, relation, target))
        line = (named if literal else statement)(subject, relation, target)
        lines.append(line + generator.choice(["", " # parsed"]))
    assert list(imported(lines).graph.entities) == one_by_one(rows)
