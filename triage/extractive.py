"""Notes from an abstract alone: which sentence says what, and the few that are worth a bullet.

Each sentence gets a score for every role (motivation, previous works, method, evaluation, results) from
cue phrases and from where it stands; the best sentences of a section become its bullets, a weak section
is left out. Nothing is written that does not stand in the abstract.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import get_args

from triage.benchmarks import data_sets
from triage.models import Bullet, Section
from triage.phrases import PhraseMatcher, tokens
from triage.sentences import sentence_spans, shorten, trim
from triage.text import clean_line

__all__ = ["CUES", "Cue", "extract"]

_LONGEST_ABSTRACT = 20_000
"""Characters read; the longest abstract of 6,280 venue papers has under 3,500."""
_LONGEST_SENTENCE = 1_200
"""A longer one is a list or a lost full stop and makes no bullet."""
_FEWEST_WORDS = 6
_MOST_BULLETS = 2
_MOST_NAMES = 8


@dataclass(frozen=True, slots=True)
class Cue:
    """Phrases (in the language of `triage.phrases`) that speak for a role, with the reason.

    `role` is a section, or "other" for sentences no reader needs.
    """

    role: Section | None
    weight: float
    reason: str
    phrases: tuple[str, ...]


CUES: tuple[Cue, ...] = (
    Cue(
        "Method",
        3.0,
        "The authors say what they made; the first of these is the turning point of an abstract.",
        (
            "we|i ~5 propose|present|introduce|develop",
            "we|i ~3 design|devise|build|formulate|construct|create|contribute|establish",
            "and propose|introduce|present|develop|design",
            "contribution* ~1 of this|our paper|work|study",
            "this|our paper|work|article|study ~2 propose*|present*|introduce*|develop*|design*|investigate*|explore*|study|"
            "studies|address*|describe*",
            "the proposed ~2 method|approach|framework|model|module|network|algorithm|strategy ~1 consist*|comprise*|contain*|"
            "use*|leverage*|employ*",
        ),
    ),
    Cue(
        "Method",
        2.5,
        "The passive may speak of others; it is the turning point only where no active sentence is.",
        ("is|are ~1 proposed|presented|introduced|designed|developed",),
    ),
    Cue(
        "Method",
        1.8,
        "What was made, described further.",
        (
            "specifically|concretely",
            "in particular",
            "consist* of",
            "compris* of?",
            "key|core|main idea|insight|design|contribution|component|technique|concept",
            "named|dubbed|called|termed|coined|namely",
            "we ~1 first|then|further|also|next|additionally ~1 use|employ|leverage|utilize|adopt|apply|exploit|train|learn|"
            "distill|prune|merge|generate|fuse|align|extend|optimize|transfer|design|propose|introduce|develop|incorporate",
            "we ~2 use|employ|leverage|utilize|adopt|apply|exploit|train|distill|prune|merge|generate|fuse|align|extend|"
            "optimize|approximate|formulate|incorporate|integrate|replace|decompose|transfer|study|explore|investigate|analyze|"
            "search|equip",
            "our|the ~3 method|approach|framework|model|module|architecture|network|algorithm|strategy|mechanism ~1 uses|"
            "employs|leverages|utilizes|adopts|exploits|learns|consists|comprises|contains|takes|works|aims|enables|allows|"
            "combines|integrates|performs",
            "firstly|secondly|thirdly",
            "first|second ~1 we",
            "in the first|second stage|phase|step",
            "to this|that end",
            "to address|tackle|overcome|solve|alleviate|mitigate|remedy|handle|resolve|bridge|close|fill ~5 problem*|issue*|"
            "challenge*|limitation*|gap*|drawback*|dilemma|difficult*|deficien*",
            "inspired|motivated by",
            "is ~1 deployed|employed|applied|adopted|leveraged|utilized|devised|built|added",
            "we|paper|work ~1 provide|provides|offer|offers|give|gives ~3 first|new|novel|technique|method|algorithm|framework|analysis",
        ),
    ),
    Cue(
        "Results",
        2.6,
        "Somebody measured, and says what came out.",
        (
            "experiment*|result*|evaluation*|analysis|analyses|studies|experimentation ~9 show*|demonstrat*|indicat*|reveal*|"
            "verif*|validat*|confirm*|suggest*|prove|proves|illustrat*|highlight*",
            "demonstrat*|verif*|confirm*|validat*|prove|proves|show*|highlight* ~3 superiority|effectiveness|efficacy|efficiency|advantage*|versatility",
            "we ~2 show|demonstrate|find|observe|verify|validate that",
            "outperform*|surpass*",
            "improv*|better|beat*|gain* ~2 on|over|than ~3 earlier|previous|prior|existing|published|competing",
            "achiev*|attain*|obtain*|reach*|yield*|deliver*|exhibit*|establish*|set* ~4 state_of_the_art|SOTA|sota|performance|"
            "accuracy|results|improvement*|gain*|speed_up*|reduction*|score*|competitive|comparable",
            "superior|competitive|comparable|better|favorable|impressive|on_par|remarkable ~2 performance|results|accuracy|performances",
            "new state_of_the_art",
        ),
    ),
    Cue(
        "Results",
        1.5,
        "A figure.",
        (
            "#x",
            "#%",
            "# times",
            "by # points|point|fps|FPS|BLEU|CIDEr|mAP",
            "#x fast*|small*|few*|speed_up*|less|more",
            "only # ~2 parameters|params|FLOPs",
        ),
    ),
    Cue(
        "Results",
        1.2,
        "Words of measured gain or saving.",
        (
            "reduc*|sav*|cut*|lower*|accelerat*|improv*|increas*|speed* ~6 #%|#x",
            "without ~3 drop|loss|degradation|sacrific*|compromis*|hurting",
            "effectiveness|superiority|generaliz* ~3 of our|the|proposed",
            "significant* ~2 improv*|outperform*|gain*|reduc*|better|faster",
            "consistent* ~2 improv*|outperform*|gain*|better",
            "maintain*|retain*|preserv* ~4 performance|accuracy",
        ),
    ),
    Cue(
        "Evaluation",
        2.2,
        "What was measured on, and how.",
        (
            "we ~2 evaluate|validate|benchmark|test|assess|experiment",
            "conduct*|perform*|carry|carried ~4 experiment*|evaluation*|ablation*|study|studies",
            "is|are|been ~1 evaluated|validated|tested|assessed|benchmarked ~1 on|across|over|against|by|with",
            "extensively|thoroughly|comprehensively evaluated|validated|tested",
            "to validate|verify|evaluate|assess ~5 we",
            "ablation stud*|experiment*|analys*",
            "experiment*|evaluation* ~2 on|across|over",
        ),
    ),
    Cue(
        "Evaluation",
        1.0,
        "Data sets and tasks are named or counted.",
        (
            "data_set|data_sets|benchmark|benchmarks",
            "on|across|over ~2 #|two|three|four|five|six|seven|eight|nine|ten|eleven|several|various|multiple|many|diverse|"
            "different ~4 data_sets|benchmarks|tasks|domains",
        ),
    ),
    Cue(
        "Previous works",
        3.6,
        "The sentence speaks of others' work by name.",
        (
            "existing|previous|prior|current|conventional|traditional|earlier|former|most|mainstream|state_of_the_art ~5"
            " work|works|method|methods|approach|approaches|solutions|studies|efforts|techniques|research|literature|researches",
            "existing|previous|prior|current|conventional|traditional|earlier|most|mainstream|state_of_the_art ~5"
            " paradigms|attempts|strategies|algorithms|pipelines|frameworks|models|model|networks|transformers|datasets|"
            "benchmarks|systems",
            "many|recent|several|various|typical|these|such|those|other ~2"
            " works|methods|approaches|solutions|studies|efforts|techniques|attempts|strategies|researches",
        ),
    ),
    Cue(
        "Previous works",
        2.0,
        "What is usually done.",
        (
            "have|has been ~1 proposed|developed|introduced|explored|studied|designed|investigated|made|devoted|employed",
            "commonly|typically|usually|often|generally|mainly|mostly ~1 use|used|adopt|adopts|rely|relies|focus|focuses|employ|employs",
            "commonly|typically|usually|often|generally|mainly|mostly ~1 require|requires|suffer|ignore|learn|follow|process",
            "a|one|the common|typical|popular|natural|straightforward|naive|standard|simple ~1 solution|approach|practice|way|"
            "strategy|paradigm",
        ),
    ),
    Cue(
        "Motivation",
        2.2,
        "A problem, a cost or a gap.",
        (
            "challeng*|obstacle*|bottleneck*|dilemma|barrier",
            "expensive|costly|prohibitiv*|intensive|burden*|overhead*|heavy|heavyweight|impractical|infeasible|unaffordable|"
            "cumbersome|redundan*|inefficien*|time_consuming",
            "limit*|hinder*|prevent*|imped*|restrict*|hamper* ~6 deploy*|applicat*|use|usage|scalab*|adopt*|applicab*|"
            "real_world|practic*|devices|performance",
            "remain*|is|are ~2 unexplored|under_explored|underexplored|unclear|unknown|challenging|difficult|unsolved|"
            "non_trivial|understudied|open|unexploited|insufficient",
            "rarely|little|not|never ~2 been|fully? ~2 explored|studied|investigated|exploited|addressed|considered",
            "overlook*|neglect*|ignor*|suffer*|struggl*|fail|fails|lack|lacks",
            "require|requires|requiring|need|needs|demand|demands ~4 memory|computation*|comput*|resources|cost|costs|data|"
            "time|training|annotat*|storage|amount*|large",
            "high|huge|large|massive|substantial|significant|increasing|considerable|growing|extensive|excessive|enormous|"
            "heavy ~3 cost|costs|computation*|memory|latency|footprint|resources|size|sizes|parameters|overhead|complexity|"
            "amount",
            "the problem|issue|difficult* ~2 of|is|lies",
        ),
    ),
    Cue(
        "Motivation",
        1.2,
        "A turn against what was just said.",
        ("however|yet|unfortunately|nevertheless|nonetheless|despite|although|though|but", "due to", "as a result"),
    ),
    Cue(
        "Motivation",
        1.0,
        "The field in general.",
        (
            "recent*|in recent years",
            "has|have ~3 achieved|shown|demonstrated|emerged|attracted|become|made|witnessed|gained|received|drawn|exhibited|"
            "led|enabled|driven|advanced|proven",
            "is|are ~3 important|crucial|essential|fundamental|critical|desirable|vital|promising|task",
            "aim*|play* ~3 to|role",
            "growing|increasing* ~2 interest|attention|popular*|demand",
        ),
    ),
    Cue(
        None,
        9.0,
        "Where to find things, hopes and thanks: nothing a note needs.",
        (
            "code*|source|models|model|dataset|datasets|data|checkpoints|weights|implementation|demo|page|project|resources|"
            "materials|video ~6 available|released|release|public|found|publicly|open_source*|open_sourced",
            "we ~2 release|open_source ~4 code*|model|models|data|dataset|datasets|weights|checkpoints",
            "project|demo page|website|webpage",
            "github",
            "we|i|authors ~2 hope|believe|expect|anticipate|wish|envision",
            "hope* ~4 inspire|shed|serve|facilitate|encourage|motivate|help",
            "accepted|appear* ~2 at|in ~1 AAAI|ACL|CVPR|ECCV|EMNLP|ICCV|ICLR|ICML|NAACL|NeurIPS|TPAMI",
            "this paper is organized",
        ),
    ),
)
"""What the roles are recognised by; weights were set by reading abstracts of three venues."""

_TURNS = (3.0, 2.5)
"""Weights of the Method cues that can be the turning point of an abstract, the surer first."""
_TURN = 1.5
"""The sentence that says what was made is about that, though it praises it too."""
_LEAST: Mapping[Section, float] = {"Motivation": 2.2, "Previous works": 2.4, "Method": 1.8, "Evaluation": 2.2, "Results": 2.5}
"""Below this a section's best sentence is too weak to be shown."""
_POINTING = re.compile(
    r"(?:(?:However|Yet|But|Thus|Hence|Therefore|Moreover|Besides), )?(?:it|this|they|these|such|that|those)\b", re.IGNORECASE
)
"""A sentence that begins by pointing to the one before says less on its own."""
_OTHERS = re.compile(
    r"(?:(?:However|Yet|But|Nevertheless|Unfortunately), )?(?:(?:most|many|some|all)(?: of)?(?: the)? )?"
    r"(?:existing|previous|prior|current|earlier|conventional|traditional|mainstream)\b", re.IGNORECASE
)  # fmt: skip
"""A sentence whose subject is others' work is about that, also where it tells what is wrong with it."""
_SPEAKER = re.compile(r"\b(?:we|our|ours|us)\b", re.IGNORECASE)
_OWN_WORDS = 2.5
"""A sentence in which the authors speak of themselves is hardly about others, whoever else it names."""
_OTHERS_FIRST = 2.0
"""Outweighs a problem that the same sentence names."""
_SECOND = 0.55
"""A second bullet needs this part of the first one's score."""


@dataclass(slots=True)
class _Sentence:
    place: int
    text: str
    scores: dict[Section, float] = field(default_factory=dict)
    idle: bool = False
    proposes: float = 0.0
    turning: bool = False

    @property
    def role(self) -> Section:
        return max(self.scores, key=lambda role: self.scores[role])


@lru_cache(maxsize=4)
def _matcher(cues: tuple[Cue, ...]) -> PhraseMatcher:
    return PhraseMatcher([cue.phrases for cue in cues])


def extract(title: str, abstract: str | None, cues: Sequence[Cue] = CUES) -> tuple[Bullet, ...]:
    """Bullets in the order of the sections, each with the sentence of the abstract it rests on.

    At most two a section; no sentence makes two bullets, but for "Data sets: ...", which only lists
    the names a sentence holds. An abstract that is None or empty gives no bullets.
    """
    text = (abstract or "")[:_LONGEST_ABSTRACT]
    sentences = [_Sentence(place, text[start:end]) for place, (start, end) in enumerate(sentence_spans(text))]
    own = _own_names(title)
    _score(sentences, own, tuple(cues))
    usable = [s for s in sentences if not s.idle]
    chosen = {section: _chosen(section, usable) for section in get_args(Section)}
    named = _named(usable, own)
    bullets: list[Bullet] = []
    for section in get_args(Section):
        if section == "Evaluation":
            bullets += [_bullet(section, f"Data sets: {', '.join(names)}", sentence) for sentence, names in named]
            spare = [s for s in chosen[section] if all(s is not sentence for sentence, _ in named)]
            bullets += [_bullet(section, shorten(trim(s.text)), s) for s in spare[: _MOST_BULLETS - len(named)]]
        else:
            bullets += [_bullet(section, shorten(trim(s.text)), s) for s in chosen[section]]
    return tuple(bullets)


def _bullet(section: Section, text: str, sentence: _Sentence) -> Bullet:
    return Bullet(section=section, heading=section, text=text, depth=1, sentence=sentence.text)


def _own_names(title: str) -> frozenset[str]:
    """The name before a title's colon ("PuMer: ..."), folded: sentences about it are about this paper."""
    head, colon, _ = clean_line(title).partition(":")
    head = head.strip()
    return frozenset({head.casefold()}) if colon and len(head.split()) <= 3 else frozenset()


def _score(sentences: Sequence[_Sentence], own: frozenset[str], cues: tuple[Cue, ...]) -> None:
    matcher = _matcher(cues)
    for sentence in sentences:
        words = tokens(sentence.text)
        rules = {hit.rule for hit in matcher.find(words)}
        sentence.scores = dict.fromkeys(get_args(Section), 0.0)
        for rule in rules:
            cue = cues[rule]
            if cue.role is None:
                sentence.idle = True
            else:
                sentence.scores[cue.role] += cue.weight
        sentence.proposes = max((cues[rule].weight for rule in rules if cues[rule].role == "Method"), default=0.0)
        sentence.idle |= len(words) < _FEWEST_WORDS or len(sentence.text) > _LONGEST_SENTENCE or "://" in sentence.text
        if any(name in sentence.text.casefold() for name in own):
            sentence.scores["Method"] += 1.0
            sentence.scores["Results"] += 0.5
    _weigh_places(sentences)


def _weigh_places(sentences: Sequence[_Sentence]) -> None:
    """What an abstract says before its turning point is about others, behind it about itself."""
    turn = next((s.place for least in _TURNS for s in sentences if s.proposes >= least and not s.idle), None)
    last = len(sentences) - 1
    for sentence in sentences:
        scores = sentence.scores
        if turn is not None and sentence.place < turn:
            scores["Method"] *= 0.3
            scores["Results"] *= 0.3
            scores["Evaluation"] *= 0.3
            scores["Motivation"] += 0.8
            scores["Previous works"] += 0.4 if scores["Previous works"] else 0.0
        elif turn is not None:
            scores["Motivation"] *= 0.3
            scores["Previous works"] *= 0.3
            sentence.turning = sentence.place == turn
            scores["Method"] += _TURN if sentence.turning else 0.8
        if _SPEAKER.search(sentence.text):
            scores["Previous works"] -= _OWN_WORDS
        elif _OTHERS.match(sentence.text) and scores["Previous works"]:
            scores["Previous works"] += _OTHERS_FIRST
        if _POINTING.match(sentence.text):
            scores["Motivation"] -= 0.6
            scores["Previous works"] -= 0.6
        if scores["Results"] >= 2.5:
            scores["Evaluation"] *= 0.5  # "experiments on ... show ..." tells what came out
        if sentence.place >= max(1, last - 1):
            scores["Results"] += 0.5 if scores["Results"] else 0.0


def _chosen(section: Section, sentences: Iterable[_Sentence]) -> list[_Sentence]:
    """The best sentences whose role is `section`, in the order of the text."""
    ranked = sorted((s for s in sentences if s.role == section), key=lambda s: (-s.scores[section], s.place))
    if not ranked or ranked[0].scores[section] < _LEAST[section]:
        return []
    best = ranked[0].scores[section] - (_TURN if ranked[0].turning else 0.0)
    least = max(_LEAST[section], _SECOND * best)
    return sorted((s for s in ranked[:_MOST_BULLETS] if s.scores[section] >= least), key=lambda s: s.place)


def _named(sentences: Iterable[_Sentence], own: frozenset[str]) -> list[tuple[_Sentence, tuple[str, ...]]]:
    """Data sets by the sentence that names them, each name once, from sentences about measuring."""
    found: list[tuple[_Sentence, tuple[str, ...]]] = []
    seen: set[str] = set()
    for sentence in sentences:
        if sentence.role not in ("Evaluation", "Results") or len(found) == _MOST_BULLETS:
            continue
        names = tuple(n for n in data_sets(sentence.text, without=own) if n.casefold() not in seen)[:_MOST_NAMES]
        seen.update(name.casefold() for name in names)
        if names:
            found.append((sentence, names))
    return found
