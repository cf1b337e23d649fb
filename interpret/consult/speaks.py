"""Which entries found by likeness may stand beside a report."""

from dataclasses import dataclass
from functools import cached_property

from interpret.consult.resolve import Resolved
from interpret.guard.alignment import organs_agree
from interpret.guard.mentions import claims
from interpret.report.anatomy import organs
from interpret.report.reading import Reading
from knowledge_base.entries import Entry, EntryKind


@dataclass(frozen=True)
class Beside:
    """A report and a question, for judging entries one after another.

    Attributes:
        reading: The report.
        resolved: The question.
        absent: The report has nothing of what is asked: then no guide speaks.
    """

    reading: Reading
    resolved: Resolved
    absent: bool

    def may_speak(self, entry: Entry | None) -> bool:
        """Tell whether an entry may stand beside this report.

        A guide tells what *is* so with a kind of finding ("已经钙化了，不用治"), a term's entry what a word means
        ("以前发生的骨折"). Found by likeness alone, they would be read as said of this patient: they speak only of
        what the report has, or when they are asked for by name.
        """
        if entry is None:
            return True
        if entry.kind is EntryKind.EDUCATION:  # "结节不会传染" answers nobody who has no nodule
            about = {claim.concept for claim in claims(entry.title) if claim.concept is not None}
            return not about or bool(about & self._concepts)
        if not self.resolved.parts and self._elsewhere(entry):
            return False
        if entry.guide is not None:
            found = {match.entry.entry_id for match in self.reading.guides if match is not None}
            asked = not self.absent and any(concept in self.resolved.question for concept in entry.guide.concepts)
            return entry.entry_id in found or asked
        named = {term.entry_id for term in self.reading.terms if not term.negated}
        return entry.entry_id in named or any(form in self.resolved.question for form in (entry.title, *entry.surfaces))

    def _elsewhere(self, entry: Entry) -> bool:
        """Tell whether an entry is of a part of the body the report does not speak of (卵巢囊肿 beside 腘窝囊肿)."""
        named = frozenset(match.value.root for match in organs(f"{entry.title} {' '.join(entry.surfaces)}"))
        # a guide tells what to do: 少量积液不用治 is said of the pelvis, and no neighbour of it
        near = bool(named & self._organs) if entry.guide is not None else organs_agree(named, self._organs)
        return bool(named and self._organs) and not near

    @cached_property
    def _text(self) -> str:
        return "。".join(prepared.text for prepared in self.reading.prepared.values())

    @cached_property
    def _organs(self) -> frozenset[str]:
        return frozenset(match.value.root for match in organs(self._text))

    @cached_property
    def _concepts(self) -> frozenset[str | None]:
        """What question and report name."""
        return frozenset(claim.concept for claim in claims(f"{self.resolved.question}。{self._text}"))
