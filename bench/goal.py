"""One figure of a workload, beside its goal and its peer."""

from dataclasses import dataclass

_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Goal:
    """A measured figure. Without a goal it is told, not judged; `ratio` is ours to the peer's.

    `goal` is one for the figure itself, `ratio_goal` one for the ratio.
    """

    ours: float
    unit: str
    goal: float | None = None
    ratio_goal: float | None = None
    peer: float | None = None
    ratio: float | None = None
    higher_is_better: bool = False
    peer_name: str = "peer"
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the goal is reached; always, when none is claimed."""
        judged = ((self.ours, self.goal), (self.ratio, self.ratio_goal))
        return all(
            (found >= goal if self.higher_is_better else found <= goal)
            for found, goal in judged
            if goal is not None and found is not None
        )

    def as_json(self) -> dict[str, float | bool | None]:
        """Return the public fields of `mingying bench --json`."""
        return {
            "ours": _rounded(self.ours),
            "peer": _rounded(self.peer),
            "ratio": _rounded(self.ratio),
            "goal": self.ratio_goal if self.goal is None else self.goal,
            "met": self.met,
        }

    def sentence(self) -> str:
        """Return the figure for people."""
        parts = [f"{shown(self.ours)} {self.unit}".strip()]
        if self.goal is not None:
            parts.append(f"goal {'≥' if self.higher_is_better else '≤'} {shown(self.goal)}")
        if self.peer is not None:
            parts.append(f"{self.peer_name} {shown(self.peer)}")
        if self.ratio is not None:
            parts.append(f"ratio {self.ratio:.2f}")
        if self.ratio_goal is not None:
            parts.append(f"goal of the ratio {'≥' if self.higher_is_better else '≤'} {shown(self.ratio_goal)}")
        if self.note:
            parts.append(self.note)
        return ", ".join(parts)


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}") if abs(value) < 1000 else round(value)


def shown(value: float) -> str:
    """Return a figure with three digits that matter."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
