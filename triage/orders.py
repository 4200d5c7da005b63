"""Words that speak to whoever reads a paper, instead of about it: orders, roles, decisions, forms that could act.

This is the second line of defence. The first is that a reply has no place for a decision and that every entry needs a
quote; these patterns void what an obedient model would quote: the order itself. They know the usual ways in a dozen
languages and cannot know all. They may also catch an innocent sentence; that costs one entry, and what the rules
found still stands.
"""

from __future__ import annotations

import re

from triage.evidence import folded

__all__ = ["reads_as_order", "speaks_of_decisions"]

_ENGLISH = (
    r"\b(?:ignore|disregard|forget|override)\b.{0,60}\b(?:above|previous|prior|earlier|instructions?|rules?|prompts?|guidelines)\b"
    r"|\b(?:system|assistant|user|developer|human)\s*:"
    r"|\b(?:you|the (?:model|assistant|annotator|reviewer)) (?:must|should|shall|have to|are (?:now|required|instructed))\b"
    r"|\b(?:mark|label|tag|classify|select|accept|rate|score|approve|tick) (?:this|it|the|that|every) (?:paper|work|article|submission|box)\b"
    r"|\b(?:mark|tag|label|classify|rate) (?:this|it) (?:as|with)\b"
    r"|\b(?:reply|respond|answer|output|return|repeat) (?:only|with|exactly|using|the words above)\b"
    r"|\b(?:you are|act as) (?:now )?an? (?:assistant|ai|model|system|curator|admin)\b"
)
_FORMS = (
    r"[\"'](?:label|labels|work_id|relevant|relevance|confidence|quote|proposed|role|content|decision|what|who)[\"']\s*:"
    r"|\buntrusted-|<\||\[/?INST\]|<</?SYS>>|\[[ xX✓✔]\]\s|(?:^|\s)#{1,6} \d+\.\s|>\s*(?:why|machine):|\*\*(?:Type|Link|Conference|Year)\*\*:"
    r"|</?(?:details|summary|script|style|iframe|img|a|svg|object|form|meta|link)\b|\bdrop table\b|\binsert into\b|^[=+@-]\w+\("
    # the heading of a paper in a notes file
    r"|(?:^|\s)\d{1,4}\. \S.{0,200}_[A-Za-z]{3,12}\d{2}\b"
    # a run of code letters hides words from the person who checks, and so do letters set apart
    r"|(?:\b[^\W\d_] ){7,}[^\W\d_]\b"
    r"|(?=[A-Za-z0-9+/]{0,60}\d)[A-Za-z0-9+/]{40,}={0,2}"
)
_ELSEWHERE = (
    # Chinese, Japanese, Korean
    r"(?:忽略|无视|無視|不要理会|忘记).{0,30}(?:指示|指令|以上|上述|之前|规则|提示)|(?:标记|标注|標記|标为|评为|选为).{0,20}(?:选中|已选|相关|接受|通过|人工|为)"
    r"|(?:系统|系統|助手|用户|システム|アシスタント|시스템|어시스턴트)\s*[:：]|你(?:现在|必须|应该|應該)"
    r"|(?:指示|命令|プロンプト).{0,20}無視|としてマーク|選択済み|あなたは"
    r"|(?:지시|명령|규칙|프롬프트).{0,20}무시|(?:선택|승인).{0,12}표시|당신은"
    # Spanish, Portuguese, Italian, French, German
    r"|\bignor(?:a|e|en|ar|ez|er|iere?n?|ate)\b.{0,40}\b(?:instrucciones|instruções|istruzioni|instructions|anweisungen|anterior\w*|précédent\w*|vorherig\w*"
    r"|reglas|regras|regole|règles|regeln)\b"
    r"|\b(?:marca|marque[zr]?|marquer|segna|contrassegna|markiere?n?|kennzeichne) (?:est[ea]|questo|cet(?:te)?|diese[ns]?|como|comme|als)\b"
    r"|\b(?:debes|deves|vous devez|tu dois|du musst|sie müssen)\b"
    # Russian, Ukrainian, Arabic, Persian, Hindi, Turkish, Vietnamese
    r"|(?:игнорируй|ігноруй|пометь|отметь|отметьте|познач)\w*|\b(?:ты|вы) долж\w+|تجاهل|نادیده بگیر|अनदेखा|नज़रअंदाज़|\b(?:yoksay|görmezden gel|olarak işaretle)"
    r"|\bbỏ qua .{0,20}(?:hướng dẫn|chỉ dẫn)|đánh dấu"
)
_ORDERS = re.compile(f"{_ENGLISH}|{_FORMS}|{_ELSEWHERE}", re.IGNORECASE | re.DOTALL)

# letters of Cyrillic and Greek that look like Latin ones (Unicode TR 39, confusables, those that words are faked with)
_LOOKALIKES = str.maketrans("аеорсухіјѕԁһӏАЕОРСУХІЈЅВКМНТαοερνικυΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aeopcyxijsdhlAEOPCYXIJSBKMHTaoepvikuABEZHIKMNOPTYX")
LONGEST = 4_000
"""Characters looked at; a quote is a sentence."""


def reads_as_order(quote: str) -> bool:
    """True for words that speak to whoever reads the paper instead of about it, in whatever letters they are dressed."""
    text = folded(quote[:LONGEST])
    if _ORDERS.search(text):
        return True
    return not text.isascii() and bool(_ORDERS.search(text.translate(_LOOKALIKES)))


_DECISIONS = re.compile(
    r"\b(?:select|approv|accept|reject|tick|choos|confirm|recommend|whitelist|shortlist)\w* (?:by|for|as|on|onto|to|in) (?:an? |the |this |your |my |our )*"
    r"(?:humans?|persons?|people|curators?|readers?|users?|editors?|annotators?|admin\w*|reading list|lists?)\b"
    r"|\b(?:mark|tick|flag|label|set|count|list)\w* (?:it |this |the paper )?as (?:an? |the )?(?:selected|approved|accepted|rejected|chosen|human|done|read)\b"
    r"|\b(?:written|labell?ed|decided|checked|reviewed) by (?:an? |the |this )?(?:human|person|curator|annotator|editor)\b"
    r"|\bdecision\s*[:=]|\bas an? (?:AI|language model|assistant)\b|\[[ xX✓✔]\]",
    re.IGNORECASE,
)


def speaks_of_decisions(text: str) -> bool:
    """True for words that speak as if somebody had decided something about the paper, or as if they were somebody's."""
    return bool(_DECISIONS.search(folded(text[:LONGEST]).translate(_LOOKALIKES)))
