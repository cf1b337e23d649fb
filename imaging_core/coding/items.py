"""From the name of an exam item, as a hospital writes it, to single items.

The order of the words decides: parts that stand together share what follows them (胸部+上腹部CT平扫), a part after
a method begins the next item (胸部CT平扫+腰椎MRI), and what a later part leaves out it takes from the one before.
"""

from dataclasses import dataclass, field, replace

from imaging_core.coding.vocabulary import Kind, Token, contains, normalise, overlap, tokens, vocabulary

_GOES_WITH = {"DR": {"CR", "MG"}, "RF": {"XA", "US", "MR", "CT", "DR"}}
"""Other modalities with which a method of the key is no second examination: 侧位 of CR, 造影 of XA."""


@dataclass(frozen=True, slots=True)
class ExamItem:
    """One part examined one way. `side` is 左, 右, 双 or empty; `modality` is empty when the name does not say it."""

    modality: str
    body_part: str
    side: str = ""
    methods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedName:
    """What a name says. `unknown` are its words that are in no table: the less, the surer the rest."""

    name: str
    items: tuple[ExamItem, ...]
    unknown: tuple[str, ...] = ()


@dataclass
class _Group:
    parts: list[tuple[str, str]] = field(default_factory=list)
    modality: str = ""
    methods: list[str] = field(default_factory=list)
    leads: bool = False
    """Modality or method stood before the parts."""
    described: bool = False
    """Modality or method stood after the parts."""


def parse_name(name: str) -> ParsedName:
    """Return the single items of a name.

    >>> [f"{i.modality}{i.side}{i.body_part}{'+'.join(i.methods)}" for i in parse_name("胸部+上腹部CT平扫").items]
    ['CT胸部平扫', 'CT上腹部平扫']
    """
    found = [token for token in tokens(normalise(name)) if token.kind is not Kind.NOISE]
    reader = _Reader(found)
    unknown = tuple(token.text for token in found if token.kind is Kind.UNKNOWN)
    return ParsedName(name, tuple(dict.fromkeys(reader.items())), unknown)


class _Reader:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._groups = [_Group()]
        self._side = ""
        self._depth = 0
        for index, token in enumerate(found):
            self._take(index, token)

    @property
    def _group(self) -> _Group:
        return self._groups[-1]

    def _take(self, index: int, token: Token) -> None:
        match token.kind:
            case Kind.OPEN | Kind.CLOSE:
                self._depth = max(self._depth + (1 if token.kind is Kind.OPEN else -1), 0)
            case Kind.PART:
                self._part(token.values[0], joined=self._kind(index - 1) in {Kind.PART})
            case Kind.SIDE:
                self._sided(index, token.values[0])
            case Kind.MODALITY:
                self._modality(token.values[0], opens=self._opens(index))
            case Kind.METHOD:
                for method in token.values:
                    self._method(method)
            case Kind.FIXED:
                modality, part = vocabulary().fixed[token.values[0]]
                if self._group.described:
                    self._groups.append(_Group())
                if not self._group.parts:
                    self._part(part, joined=False)
                self._modality(modality, opens=False)
            case _:
                pass

    def _kind(self, index: int) -> Kind | None:
        return self._tokens[index].kind if 0 <= index < len(self._tokens) else None

    def _opens(self, index: int) -> bool:
        """CT in 头颅MRI+CT胸部: stands between a separator and a part, so it belongs to what follows."""
        after = index + (2 if self._kind(index + 1) is Kind.SIDE else 1)
        before = self._kind(index - 1)
        return before in {None, Kind.SEPARATOR} and self._kind(after) is Kind.PART

    def _part(self, part: str, *, joined: bool) -> None:
        side, self._side = self._side, ""
        group = self._group
        names = [name for name, _ in group.parts]
        if self._depth and any(overlap(part, name) for name in names):
            return  # 腹部(肝胆胰脾): in brackets, only explains
        if joined and names and (contains(names[-1], part) or contains(part, names[-1])):
            narrower = part if contains(names[-1], part) else names[-1]
            group.parts[-1] = (narrower, side or group.parts[-1][1])
            return
        if group.parts and group.described:
            self._groups.append(_Group())
        self._group.parts.append((part, side))

    def _sided(self, index: int, side: str) -> None:
        if self._kind(index + 1) in {Kind.PART, Kind.FIXED} and not self._depth:
            self._side = side
        elif self._group.parts and not self._group.parts[-1][1]:
            self._group.parts = [(name, given or side) for name, given in self._group.parts]
        else:
            self._side = side

    def _modality(self, modality: str, *, opens: bool) -> None:
        group = self._group
        if opens and group.parts and (group.modality or group.described or group.leads):
            self._groups.append(_Group(modality=modality, leads=True))
            return
        if not group.parts and not group.modality:
            group.modality, group.leads = modality, True
            return
        if group.modality and group.modality != modality and not _one_device(group.modality, modality):
            group = _Group(parts=list(group.parts))
            self._groups.append(group)
        if not group.modality or group.modality == "DR":
            group.modality = modality
        group.described = group.described or bool(group.parts)

    def _method(self, method: str) -> None:
        known = vocabulary().methods[method]
        group = self._group
        if known.modality and group.modality and group.modality != known.modality:
            fits = _GOES_WITH.get(known.modality, set())
            if known.modality == "MG" and group.modality == "DR":
                group.modality = "MG"  # 双乳X线摄影(MLO位)
            elif group.modality not in fits:
                self._groups.append(_Group(parts=list(group.parts), modality=known.modality))
                group = self._group
        elif known.modality and not group.modality and known.modality in {"CT", "MR", "US"}:
            group.modality = known.modality
        if method not in group.methods:
            group.methods.append(method)
        if group.parts:
            group.described = True
        else:
            group.leads = True

    def items(self) -> list[ExamItem]:
        found: list[ExamItem] = []
        before = _Group()
        for group in self._groups:
            before = _completed(group, before)
            found.extend(_items(before))
        return found


def _completed(group: _Group, before: _Group) -> _Group:
    """Give a group what it left out: a modality, or with nothing said the methods too, of the one before."""
    known = vocabulary()
    implied = (known.methods[method].modality for method in group.methods)
    modality = group.modality or next(filter(None, implied), None) or ""
    methods = group.methods
    if not modality and not group.methods:
        modality, methods = before.modality, before.methods
    elif not group.modality and before.modality and modality in {"", "DR"}:
        modality = before.modality
    return replace(group, modality=modality, methods=methods)


def _items(group: _Group) -> list[ExamItem]:
    known = vocabulary()
    methods = tuple(group.methods)
    parts = group.parts
    if not parts:
        default = next((known.methods[m].part for m in methods if known.methods[m].part), None)
        default = default or known.modality_parts.get(group.modality)
        if default is not None:
            parts = [(default, "")]
        elif group.modality in {"LAB", "PATH", "BMD"}:
            return [ExamItem(group.modality, "", "", methods)]
    items: list[ExamItem] = []
    side = ""
    for name, given in parts:
        paired = known.parts[name].paired
        side = given or side  # 左膝、踝关节: the left ankle
        items.append(ExamItem(group.modality, name, side if paired else "", methods))
    return items


def _one_device(one: str, other: str) -> bool:
    """钼靶X线, 骨密度X线: the plain word for X-rays beside the exact one."""
    return "DR" in {one, other} and {one, other} & {"MG", "BMD", "RF", "CR"} != set()
