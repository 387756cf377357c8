"""Kinds of rows: those trained with the same data and code, which are the only rows that a statistic may combine.

Rows of different configs may differ in their data sets, or in the code of their models, since the configs say so. Rows
that name the same data set or the same parts, and were trained with different ones, are of different kinds; so are rows
of unrelated sweeps that a forced merge put together.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from mnist_sweep.text.lines import listed, shortened
from mnist_sweep.text.names import PARTS, Flat
from mnist_sweep.text.numbers import counted
from mnist_sweep.trials.row import Status, TrialRow
from mnist_sweep.trials.value_format import ACCURACY

FIELDS = ("data_digest", "code_digest", "merged_from")
UNKNOWN = "unknown"
# What must not differ among rows, in words, with the field that groups them, if any, and the field that is compared.
_DIVISIONS = {
    "they are judged by": ("", "objective"),
    "they were merged from": ("", "merged_from"),
    "the digest of {} is": ("data", "data_digest"),
    "the digest of the code of {} is": ("parts", "code_digest"),
}


class Kind(NamedTuple):
    """What a row was trained with.

    Attributes:
        data: The data set that its config names, with its fields.
        parts: The parts of the user's own that its config names, separated by spaces.
        data_digest: Digest of the data set; `unknown` if the row has none; None for a built-in one without, whose files
            are verified.
        code_digest: Digest of the code of the parts; `unknown` if the row has none; None without such parts.
        merged_from: The results folder that a forced merge copied the row from, or "".
        objective: What the row is judged by, with its fields.
    """

    data: str
    parts: str
    data_digest: str | None
    code_digest: str | None
    merged_from: str
    objective: str = ACCURACY.name


class Kinds(NamedTuple):
    """How many rows are of each kind, and the kinds that one statistic may combine: those with most successful rows."""

    num_rows: Mapping[Kind, int]
    kept: frozenset[Kind]

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the rows that are left out or have no digests, one line each."""
        left_out = sum(number for kind, number in self.num_rows.items() if kind not in self.kept)
        unknown = sum(number for kind, number in self.num_rows.items() if kind in self.kept and UNKNOWN in kind)
        notes = []
        if left_out:
            of = f"{left_out:,} of {counted(sum(self.num_rows.values()), 'row')} {'is' if left_out == 1 else 'are'}"
            differ = f"{'; '.join(_differences(self.num_rows))}; the last columns of trials.csv tell them apart"
            notes.append(f"{of} of another kind and left out: {differ}.")
        if unknown:
            rows = f"{counted(unknown, 'row')} of a version before 0.5 without digests"
            notes.append(f"{rows}: whether data and code were the same is unknown.")
        return tuple(notes)


def kind_of(row: TrialRow) -> Kind:
    """Return the kind of a row."""
    return kind(row.config, row.data_digest, row.code_digest, row.merged_from)


def kind(config: Flat, data_digest: str | None, code_digest: str | None, merged_from: str | None) -> Kind:
    """Return the kind of a row with this flat config; None for a digest or a folder that it does not have."""
    data, parts = data_key(config), code_key(config)
    unknown = UNKNOWN if ":" in str(config.get("data", "")) else None
    code = (code_digest or UNKNOWN) if parts else None
    return Kind(data, parts, data_digest or unknown, code, merged_from or "", _objective_key(config))


def data_key(config: Flat) -> str:
    """Return the data set that a flat config names, with its fields."""
    return _key(config, "data")


def _key(config: Flat, part: str) -> str:
    names = sorted(name for name in config if name == part or name.startswith(f"{part}."))
    return " ".join(f"{name}={config[name]}" for name in names)


def _objective_key(config: Flat) -> str:
    return _key(config, "objective") if config.get("objective") else ACCURACY.name


def code_key(config: Flat) -> str:
    """Return the import paths of the parts of a flat config that are the user's own."""
    return " ".join(str(config[part]) for part in PARTS if ":" in str(config.get(part, "")))


def kinds(rows: Iterable[tuple[Kind, bool]]) -> Kinds:
    """Return the kinds of rows, given the kind of each, and whether it succeeded."""
    num_rows: Counter[Kind] = Counter()
    num_ok: Counter[Kind] = Counter()
    for one, is_ok in rows:
        num_rows[one] += 1
        num_ok[one] += is_ok
    kept: Mapping[Kind, int] = num_ok
    for division in _DIVISIONS.values():
        kept = _largest(kept, *division)
    return Kinds(num_rows, frozenset(kept))


def of_one_kind(rows: Iterable[TrialRow]) -> tuple[list[TrialRow], tuple[str, ...]]:
    """Return the rows that one statistic may combine, and notes on the others."""
    rows = list(rows)
    alike = {(row.data_digest, row.code_digest, row.merged_from, _objective_key(row.config)) for row in rows}
    is_known = bool(rows) and bool(rows[0].data_digest and rows[0].code_digest)
    if len(alike) == 1 and (is_known or not any(":" in str(row.config.get(part)) for row in rows for part in PARTS)):
        return rows, ()
    of_rows = [kind_of(row) for row in rows]
    found = kinds((one, row.status is Status.OK) for one, row in zip(of_rows, rows, strict=True))
    return [row for one, row in zip(of_rows, rows, strict=True) if one in found.kept], found.notes


def _counts(num_rows: Mapping[Kind, int], group: str, field: str) -> dict[str, Counter[str]]:
    """Return the number of rows of each group, by its field, with each text in another field."""
    counts: dict[str, Counter[str]] = {}
    for one, number in num_rows.items():
        if (text := getattr(one, field)) is not None:
            counts.setdefault(getattr(one, group, ""), Counter())[text] += number
    return counts


def _largest(num_rows: Mapping[Kind, int], group: str, field: str) -> dict[Kind, int]:
    """Return the kinds without those that differ from the largest of their group in a field."""
    best = {}
    for name, counts in _counts(num_rows, group, field).items():
        # Of equally many, rows with a known digest win; the text itself only makes the choice the same every time.
        _, _, best[name] = max((number, text != UNKNOWN, text) for text, number in counts.items())
    most = {one: best.get(getattr(one, group, "")) for one in num_rows}
    return {one: number for one, number in num_rows.items() if getattr(one, field) in (None, most[one])}


def _differences(num_rows: Mapping[Kind, int]) -> Iterator[str]:
    for what, division in _DIVISIONS.items():
        for name, counts in _counts(num_rows, *division).items():
            if len(counts) > 1:
                parts = [f"{text or 'no folder'} in {counted(number, 'row')}" for text, number in counts.most_common()]
                yield f"{what.format(shortened(name))} {shortened(listed(parts))}"


def differences(one: Iterable[Kind], other: Iterable[Kind]) -> list[str]:
    """Return what two groups of rows name alike, but were trained with in other forms, as far as digests are known."""
    texts = []
    sides = Counter(one), Counter(other)
    for what, division in _DIVISIONS.items():
        ours, theirs = (_counts(side, *division) for side in sides)
        for name in sorted(ours.keys() & theirs.keys()):
            first, second = (counts[name].keys() - {UNKNOWN, ""} for counts in (ours, theirs))
            if first and second and first != second:
                texts.append(f"{what.format(shortened(name))} {listed(sorted(first))} and {listed(sorted(second))}")
    return texts
