"""Settings in a report: what each of them says, and how several differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipeline.training.setting import Setting

NOTHING = "—"


def described(setting: Setting) -> dict[str, str]:
    """Title -> what the setting says of it; a title of caches that are not read is missing."""
    vectors = [f"{source} ({width})" for source, width in setting.vectors.items()]
    said = {
        "Preset": setting.preset,
        "Optimiser": setting.optimizer,
        "Word vectors": " + ".join(vectors) or "random",
    }
    for fact in sorted({fact for facts in setting.caches.values() for fact in facts}):
        by_cache = {cache: f[fact] for cache, f in sorted(setting.caches.items()) if fact in f}
        same = len(set(by_cache.values())) == 1
        each = by_cache.values() if same else [f"{c} {value}" for c, value in by_cache.items()]
        said[fact.capitalize()] = ", ".join(dict.fromkeys(each))
    return said


def titles(settings: Iterable[Setting]) -> list[str]:
    """The titles that any of the settings has something to say of, in the order of `described`."""
    return list(dict.fromkeys(title for setting in settings for title in described(setting)))


def differing(values: Mapping[str, str]) -> str:
    """The value that all names share; else each with the names that have it: `x: a, b; y: c`."""
    names: dict[str, list[str]] = {}
    for name, value in values.items():
        names.setdefault(value, []).append(name)
    if len(names) == 1:
        return next(iter(names))
    return "; ".join(f"{value}: {', '.join(having)}" for value, having in names.items()) or NOTHING


def flag(setting: Setting) -> str:
    """What stands behind the name of a result that has a caution: ` (GOLD MENTIONS)`."""
    return f" ({setting.caution.partition(':')[0]})" if setting.caution else ""


def cautions(settings: Mapping[str, Setting]) -> str:
    """A paragraph with the caution of each named setting that has one; empty if none has."""
    found = [f"{name}: {one.caution}.\n" for name, one in settings.items() if one.caution]
    return "\n" + "".join(found) if found else ""
