"""The kinds of tasks and the data sets by name, known without importing any."""

TREES = "trees"
DOCUMENTS = "documents"

# kind: module of treefold.tasks and class in it
KINDS = {
    "classify": ("classify", "ClassifyTask"),
    "tag": ("tag", "TagTask"),
    "forecast": ("forecast", "ForecastTask"),
    "translate": ("translate", "TranslateTask"),
    "generate": ("generate", "GenerateTask"),
    "draw": ("draw", "DrawTask"),
    "caption": ("caption", "CaptionTask"),
    "language": ("language", "LanguageTask"),
    "autoencode": ("autoencode", "AutoencodeTask"),
    "compare": ("compare", "CompareTask"),
    "reason": ("reason", "ReasonTask"),
    "scene": ("scene", "SceneTask"),
    "relate": ("relate", "RelateTask"),
    "transduce": ("transduce", "TransduceTask"),
    "parse": ("parse", "ParseTask"),
    "documents": ("documents", "DocumentsTask"),
}

# data set: the kind of task that it is for; of others a file is read
DATASETS: dict[str, str] = {
    "circuits": "transduce",
    "circuits-critical": "transduce",
    "conll2000": "tag",
    "digit-strips": "caption",
    "digits": "classify",
    "fb13": "relate",
    "fsdd": "classify",
    "gesture-a": "tag",
    "gesture-b": "tag",
    "gesture-c": "tag",
    "japanese-vowels": "classify",
    "landscapes": "scene",
    "logic": "compare",
    "multi30k-de-en": "translate",
    "multi30k-en-de": "translate",
    "multi30k-en-fr": "translate",
    "names": "generate",
    "pendigits": "classify",
    "pollack": "autoencode",
    "random-trees": "autoencode",
    "sick-entailment": "compare",
    "sick-relatedness": "compare",
    "sst-words": "classify",
    "sst-words-binary": "classify",
    "strokes-kanji": "draw",
    "strokes-omniglot": "draw",
    "strokes-sheep": "draw",
    "ptb": "language",
    "ptb-sample": "parse",
    "ptb-windows": "reason",
    "sst-windows": "reason",
    "tinyshakespeare": "language",
    "wn11": "relate",
}
RECORDS = ("largest", "equal", "count", "sum", "flat")
TEMPLATES = (*range(1, 15), 16, 18, 19, 21, 22)  # of plans, the one left out
DATASETS |= dict.fromkeys(
    [
        *(
            f"records-{rule}{size}"
            for rule in RECORDS
            for size in ("", "-2000", "-500")
        ),
        *("ud-ewt-pos", "ud-ewt-pos-bare", "ud-ewt-pos-chain"),
        *("expressions-arithmetic", "expressions-logic"),
        *("poj104", "python-cloze"),
        *(f"tpch-plans-Q{number}" for number in TEMPLATES),
    ],
    DOCUMENTS,
)
