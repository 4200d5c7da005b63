"""Names of data sets and benchmarks in a text: those everybody knows, and those the text calls so."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["data_sets"]

# Vision-language evaluation as the field reports it; spellings as papers write them.
_KNOWN = r"""
VQA-CP(?: ?v[12])? | VQA-VS | VQA-?v2(?:\.0)? | VQA ?v?2\.0 | VQA2 | VQAv1 | OK-?VQA | A-?OKVQA | GQA | VizWiz(?:-VQA)? | TextVQA | ST-VQA | DocVQA | ChartQA
InfoVQA | InfographicVQA | OCR-VQA | OCRBench | AI2D | ScienceQA | SQA-?IMG | MathVista | MathVerse | MMMU(?:-Pro)? | MMBench | MM-?Vet
MME | POPE | SEED-?Bench | LLaVA-?Bench | LLaVA-W | HallusionBench | CV-Bench | RealWorldQA | MMStar | VLUE | ELEVATER
VTAB(?:-1[kK])? | FGVC(?:-?Aircraft)? | VCR | VSR | NLVR-?2 | SNLI-VE | VisDial | Visual7W | CLEVR(?:-Math)?
RefCOCO(?:\+|g)?(?:/\+/g)? | Flickr-?30[kK](?:[ -]Entities)? | Flickr-?8[kK] | MS[- ]?COCO | [nN]o[cC]aps | Visual Genome
Conceptual Captions | Conceptual-?12M | CC-?3M | CC-?12M | SBU(?: Captions)? | LAION(?:-\d+[MB])? | YFCC-?(?:15M|100M)
WebVid(?:-?\d+(?:\.\d+)?M)? | Crossmodal-3600 | XM3600 | Multi30[kK] | ImageNet(?:-(?:1[kK]|21[kK]|22[kK]|V2|A|R|Sketch|C|LT|S))?
Tiny-?ImageNet | CIFAR-?100? | ADE20[kK] | PASCAL[- ]?(?:VOC(?: ?20\d\d)?|Context|-5i) | Pascal[- ]?(?:VOC(?: ?20\d\d)?|Context)
Cityscapes | LVIS | Objects365 | Open ?Images | iNaturalist(?: ?20\d\d)? | Places(?:205|365) | Food-?101 | Oxford[- ]?(?:Flowers|Pets)
Stanford ?Cars | Caltech-?(?:101|256) | CUB(?:-200(?:-2011)?)? | SUN397 | EuroSAT | DTD | DomainNet | Office-?Home | PACS | VLCS
TerraIncognita | WILDS | MNIST | SVHN | Fashion-?MNIST | Fashion200[kK] | FashionIQ | CIRR | ECCV Caption | MSR-?VTT(?:-QA|QA)?
MSVD(?:-QA|QA)? | TGIF(?:-QA|QA)? | ActivityNet(?:-QA|QA| Captions|-Captions|-1\.3)? | DiDeMo | LSMDC | VATEX | YouCook(?:2|II)
HowTo100M | How2QA | TVQA\+? | TVR | NExT-?QA | NeXT-?QA | Charades(?:-STA|-Ego)? | EgoSchema | Ego4D(?:-NLQ)?
EPIC-?KITCHENS(?:-100)? | Video-?MME | MVBench | LongVideoBench | MLVU | PerceptionTest | QVHighlights | Kinetics(?:-?(?:400|600|700))?
K400 | UCF-?101 | HMDB-?51 | Something-Something(?: ?[vV][12])? | SSv2 | SthV2 | AudioSet | AudioCaps | Clotho | VGGSound | MOSI
MOSEI | CMU-MOSEI? | GLUE | SuperGLUE | SQuAD(?: ?v?[12]\.[01])? | MMLU | GSM8[kK] | HumanEval | BIG-?bench | HellaSwag | BoolQ | PIQA
WinoGrande | CNN/Daily ?Mail | XSum | WikiText(?:-?2|-103)? | MT-?Bench | ScanNet(?: ?[vV]2)? | ScanRefer | ScanQA | SQA3D
ModelNet(?:10|40) | ShapeNet(?:Part)? | ScanObjectNN | KITTI(?:-360)? | nuScenes | NuScenes | Waymo(?: Open)? | R2R | RxR | REVERIE
CALVIN | LIBERO | MIMIC-CXR | IU[- ]X-?[rR]ay | ROCO | SLAKE | VQA-RAD | PathVQA | PMC-VQA | RSVQA | RSICD | Recipe1M\+? | E-VQA
QuerYD | Condensed Movies? | HICO-DET | V-COCO | Ref-YouTube-VOS | Ref-DAVIS(?:-?(?:16|17))? | DAVIS(?:[- ]?20(?:16|17))? | YouTube-(?:VOS|VIS)
A2D-Sentences | JHMDB-Sentences | MeViS | VidSTG | HC-STVG | BTCV | TextCaps | MathVision | MATH-Vision | WeMath | BLINK | Video-MMMU
TempCompass | LVBench | EgoPlan(?:-Bench)? | GenEval | DPG-Bench | LongBench(?:-E)? | L-Eval | RULER | InfiniteBench | Needle-in-a-Haystack
MATH-?500 | AIME ?(?:20)?2[45] | GPQA(?:[- ]Diamond)? | MBPP | SVAMP | StrategyQA | CommonsenseQA | CSQA | e-SNLI | ANLI | TriviaQA | HotpotQA
Natural ?Questions | LAMBADA | AlpacaEval(?: 2(?:\.0)?)? | Arena-Hard | Spec-?Bench | MMLU-Pro | ARC-(?:[CE]|Challenge|Easy)
SimplerEnv | RLBench | Open X-Embodiment | InfoSeek | Hateful ?Memes | MM-?IMDB | Twitter-?201[57] | WebQA | MultimodalQA | COCO(?:[- ]Captions?|-Stuff)?
"""
"""Patterns of names, divided by " | " or line ends."""

_ANY_KNOWN = "|".join(re.split(r" [|] |\n", _KNOWN.strip()))
_KNOWN_NAME = re.compile(rf"(?<![\w-])(?:{_ANY_KNOWN})(?!\w|-\w|\+\w)")

# lengths and counts are bounded, so that the search is linear
_NAME = r"(?:[A-Z]|[a-z]{1,2}[A-Z])[\w.+/-]{0,40}[\w+](?: (?:20\d\d|V\d|v\d))?"
_LIST = rf"{_NAME}(?:(?:,| and| &|, and|,? as well as)(?: the)? {_NAME}){{0,12}}"
_CALLED = re.compile(
    rf"(?<![\w-])(?P<before>{_LIST})(?: [a-z-]+){{0,2}} (?:data ?sets?|benchmarks?|test sets?|corpora|corpus)\b"
    rf"|\b(?:data ?sets?|benchmarks?)(?:,| \(|:|,? \(?(?:e\.g\.,?|including|such as|like)) ?(?:the )?(?P<after>{_LIST})"
    rf"|\b(?:data ?sets?|benchmarks?),? \(?(?:i\.e\.,?|namely) ?(?:the )?(?P<these>{_LIST})"
)
_DIVIDED = re.compile(r", and |,? as well as |, | and | & ")
# capitals and small letters mixed, or a digit: "BraTS", "MovieNet", "VoxCeleb1"; capitals alone are mostly tasks ("VQA")
_TELLING = re.compile(r"[a-z]{1,2}[A-Z][a-z]\w+|[A-Z][\w-]*[a-z]+[\w-]*[A-Z][\w-]*|[A-Z][\w-]*\d[\w.-]*|[A-Z]{2,}[\w-]*[a-z]{2,}\w*")
# where the text counts its data sets up ("three benchmarks, i.e., ..."), capitals alone are names too
_CAPITALS = re.compile(r"[A-Z]{3,}\d*")
_NO_NAMES = re.compile(
    r"\dD|LiDAR|NeRF.*|Re-?ID|[A-Z]*LLMs?|VLMs?|CLIP.*|.*Video-?QA|ConvQA|.*VQA|OoD|GAN.*|BERT.*|ViT.*|GPT.*|BLIP.*|LLaVA.*|LLaMA.*|RoBERTa.*|T5.*"
    r"|ResNet.*|[A-Za-z]+-(?:based|level|scale|shot|generated|specific|only|domain|source|modal|language|text|image|centric|world|to-.*)|SoTA.*|PyTorch|GitHub"
)

_TRAINED_ON = re.compile(r"train(?:ed|ing)?(?: [\w-]+){0,4} (?:on|using|with)(?: [\w-]+){0,4} $")
"""Before a name that is material to learn from, not to measure on."""


def data_sets(text: str, *, without: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Names of data sets and benchmarks in the order of the text, each once.

    Not what something was trained on. A name counts when it is well known or when the text itself calls it a data set ("on the MovieNet
    dataset"). `without` holds names that are something else here (the paper's own method), folded.
    """
    found: dict[str, tuple[int, str]] = {}
    for place, name in sorted(_places(text)):
        if _TRAINED_ON.search(text[max(0, place - 60) : place]):
            continue
        key = re.sub(r"[^\w+]|_", "", name).casefold().removeprefix("ms")
        if key and name.casefold() not in without and key not in found:
            found[key] = (place, name)
    return tuple(name for _, name in sorted(found.values()))


def _places(text: str) -> Iterator[tuple[int, str]]:
    known = [(m.start(), m[0]) for m in _KNOWN_NAME.finditer(text)]
    yield from known
    taken = {place for place, _ in known}
    for found in _CALLED.finditer(text):
        group = next(name for name, list_ in found.groupdict().items() if list_)
        place = found.start(group)
        for name in _DIVIDED.split(found[group]):
            place = text.index(name, place)
            plain = name.removeprefix("the ")
            first = plain.partition(" ")[0]
            telling = _TELLING.fullmatch(first) or (group == "these" and _CAPITALS.fullmatch(first))
            if telling and not _NO_NAMES.fullmatch(plain) and place not in taken:
                yield place, plain
            place += len(name)
