import os
from pathlib import Path

import pytest

from treefold.data.places import SPLITS, split_file


@pytest.fixture
def sst_folder() -> Path:
    """The Stanford Sentiment Treebank, where the machine has it."""
    base = os.environ.get("TREEFOLD_DATA")
    if not base:
        pytest.skip("TREEFOLD_DATA does not name a folder of data sets")
    folder = Path(base) / "sst"
    if any(split_file(folder, split) is None for split in SPLITS):
        pytest.skip(f"{folder} lacks the sentiment treebank")
    return folder
