"""What a run looked like: pictures, curves, tables, and pages that hold them all.

Everything here takes plain values (strings, floats, arrays) and knows no model.
"""

from typing import TYPE_CHECKING

from treefold._lazy import attach

if TYPE_CHECKING:
    from treefold.report.bench import Benchmark
    from treefold.report.card import write_model_card
    from treefold.report.content import Report, Row, TreePicture
    from treefold.report.curves import confusion_matrix, learning_curve
    from treefold.report.page import (
        write_bench_page,
        write_report,
        write_trees_page,
    )
    from treefold.report.table import text_table
    from treefold.report.trees import (
        Reading,
        corpus_picture,
        most_confident,
        tree_picture,
    )

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Benchmark": "bench",
        "Reading": "trees",
        "Report": "content",
        "Row": "content",
        "TreePicture": "content",
        "confusion_matrix": "curves",
        "corpus_picture": "trees",
        "learning_curve": "curves",
        "most_confident": "trees",
        "text_table": "table",
        "tree_picture": "trees",
        "write_bench_page": "page",
        "write_model_card": "card",
        "write_report": "page",
        "write_trees_page": "page",
    },
)
