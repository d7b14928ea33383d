"""Medians, spreads and tables."""
import dataclasses
import statistics
import typing


@dataclasses.dataclass(frozen=True)
class Figure:
    """What several rounds measured of one thing."""

    median: float
    least: float
    most: float

    @staticmethod
    def of(values: typing.Sequence[float]) -> "Figure":
        """At least one value."""
        return Figure(statistics.median(values), min(values), max(values))

    def record(self) -> dict[str, float]:
        """For JSON."""
        return {"median": rounded(self.median), "min": rounded(self.least), "max": rounded(self.most)}

    def __str__(self) -> str:
        return f"{short(self.median)} ({short(self.least)}-{short(self.most)})"


def rounded(value: float) -> float:
    """Four digits that count: more would only pretend."""
    return float(f"{value:.4g}")


def short(value: float) -> str:
    """For people."""
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def table(header: typing.Sequence[str], rows: typing.Iterable[typing.Sequence[str]]) -> str:
    """Aligned columns: the first to the left, figures to the right."""
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths))).rstrip()
        for line in lines)
