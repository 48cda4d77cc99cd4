"""A sentence as written, cut into words as the Penn Treebank cuts them."""

from __future__ import annotations

import re

_STEPS = [
    (re.compile(r'(^|[\s(\[{<])["“]'), r"\1`` "),  # a quotation mark that opens
    (re.compile(r'["”]'), " '' "),
    (re.compile(r"[‘’]"), "'"),
    (re.compile(r"[–—]|--+"), " -- "),
    (re.compile(r"…|\.\.\.+"), " ... "),
    (re.compile(r"([;@#$%&?!\[\](){}<>])"), r" \1 "),
    (re.compile(r"([,:])(?![0-9])"), r" \1 "),  # 1,000 and 10:30 stay whole
    (re.compile(r"([^.\s])(\.)(\s*[\])}>'\"]*\s*)$"), r"\1 \2\3"),  # the last full stop
    (re.compile(r"(?<=[A-Za-z])(n't)\b", re.IGNORECASE), r" \1"),
    (re.compile(r"(?<=\w)('s|'m|'d|'ll|'re|'ve)\b", re.IGNORECASE), r" \1"),
    (re.compile(r"(?<=\w)'(?=\s|$)"), " '"),
    (re.compile(r"\b(can)(not)\b", re.IGNORECASE), r"\1 \2"),
]
_BRACKETS = dict(
    zip("()[]{}", ["-LRB-", "-RRB-", "-LSB-", "-RSB-", "-LCB-", "-RCB-"], strict=True)
)


def tokenise(text: str) -> list[str]:
    r"""Cut a sentence into words.

    Quotation marks become two backquotes or two apostrophes, brackets -LRB- and so on;
    clitics (n't, 's, 'll) and all punctuation stand alone, but for points within words
    and commas and colons before digits. Of full stops only the last is cut off.

    Example:
        >>> tokenise('He didn\'t say "no" (twice).')
        ['He', 'did', "n't", 'say', '``', 'no', "''", '-LRB-', 'twice', '-RRB-', '.']
    """
    for pattern, new in _STEPS:
        text = pattern.sub(new, text)
    return [_BRACKETS.get(word, word) for word in text.split()]
