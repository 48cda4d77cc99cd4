"""Captions: images read column by column, from a file of one's own and from digits."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from treefold.data.digit_strips import make_strips, split_digits
from treefold.data.errors import DataError
from treefold.models.caption import ImageBatch, Window
from treefold.models.strip_rivals import SegmentingReader
from treefold.tasks import task_class
from treefold.tasks.base import TaskRun
from treefold.tasks.caption import CaptionConfig, CaptionTask, _distance
from treefold.training import runner
from treefold.training.run import DataSpec

CONFIG = CaptionConfig(
    window_size=16,
    hidden_size=24,
    embedding_size=8,
    dropout=0.0,
    learning_rate=0.01,
    epochs=16,
    batch_size=16,
    strips=64,
    max_words=6,
)


@pytest.fixture
def default_dtype():
    return torch.float32


@pytest.fixture
def spec(tmp_path):
    """One or two bars, high or low, with gaps of any width: "high low"."""
    random = np.random.default_rng(0)
    columns, offsets, captions = [], [0], []
    for _ in range(400):
        words = random.choice(["high", "low"], random.integers(1, 3))
        for word in words:
            columns += [[0, 0]] * random.integers(1, 4)
            columns.append([9, 9] if word == "high" else [0, 9])
        offsets.append(len(columns))
        captions.append(" ".join(words))
    path = tmp_path / "bars.npz"
    np.savez(
        path,
        columns=np.array(columns),
        offsets=np.array(offsets),
        captions=np.array(captions),
    )
    return DataSpec(str(path))


@pytest.fixture
def task(spec):
    return CaptionTask.load(CONFIG, spec)


def test_it_is_the_task_called_caption():
    assert task_class("caption") is CaptionTask


def test_a_run_writes_its_folder_and_reads_bars(spec, tmp_path):
    out = tmp_path / "run"
    result = runner.begin(
        lambda: CaptionTask.load(CONFIG, spec), "cpu", out, False, "treefold train"
    )
    assert result["test"]["words"]["mean"] > 0.9
    assert result["baselines"]["majority"]["test"]["words"] < 0.7
    assert "Images and the attention of every word" in (out / "report.html").read_text()
    run = TaskRun.open(CaptionTask.of_folder(out), out)
    bars = np.array([[0, 0], [9, 9], [0, 0], [0, 9]], np.float32)
    told = run(bars)
    assert told["caption"] == "high low"
    assert json.loads(json.dumps(told)) == told


def test_an_image_is_told_the_same_among_others_and_alone(task):
    model = task.made_model()
    images = task.images["dev"]
    together = task.tell(model, images)
    for number, (words, looked, log_p) in enumerate(together):
        ((alone, look, p),) = task.tell(model, images[[number]])
        assert alone == words
        assert looked.shape[1] == images.lengths[number]
        np.testing.assert_allclose(looked.sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_allclose(look, looked, atol=1e-5)
        assert p == pytest.approx(log_p, rel=1e-3)


def test_the_fold_over_known_words_gives_them_the_probability_of_the_unfolding(task):
    model = task.made_model().eval()
    images = task.images["dev"]
    told = task.tell(model, images)
    words = task._code([words for words, _, _ in told])
    found = ImageBatch.of(images, words, np.arange(len(images)))
    with torch.no_grad():
        log_p = model(found).log_softmax(-1).gather(1, found.label[:, None]).squeeze(1)
    for number, (said, _, expected) in enumerate(told):
        if len(said) < CONFIG.max_words:  # not cut
            total = log_p[found.words.tree == number].sum().item()
            assert total == pytest.approx(expected, rel=1e-4)


def test_a_beam_finds_what_is_at_least_as_probable(task):
    greedy = task.tell(model := task.made_model(), task.images["dev"])
    task.config = replace(CONFIG, beam=4)
    beam = task.tell(model, task.images["dev"])
    better = [b[2] >= g[2] - 1e-5 for b, g in zip(beam, greedy, strict=True)]
    assert np.mean(better) > 0.9  # a beam may lose the greedy caption on its way


def test_a_window_is_torchs_convolution():
    window, x = Window(3, 4, 2), torch.randn(2, 7, 3)
    mask = torch.ones(2, 7, dtype=torch.bool)
    weight = window.linear.weight.unflatten(1, (3, 5))  # a column's features first
    expected = torch.nn.functional.conv1d(
        x.transpose(1, 2), weight, window.linear.bias, padding=2
    )
    torch.testing.assert_close(window(x, mask), expected.relu().transpose(1, 2))


def test_errors_are_words_to_change_leave_out_or_put_in():
    right = ("one", "two", "three")
    assert _distance(right, right) == 0
    assert _distance(("one", "four", "three"), right) == 1
    assert _distance(("two", "three"), right) == 1
    assert _distance((), right) == 3
    assert _distance(("zero", *right, "four"), right) == 2


def test_another_height_is_told(task, tmp_path):
    path = tmp_path / "high.npz"
    np.savez(path, images=np.zeros((2, 3, 4)), captions=["high", "low"])
    with pytest.raises(DataError, match="must be 2 pixels high"):
        task.with_data(DataSpec("high", test=str(path)))


def test_digit_strips_are_made_anew_in_every_epoch_but_dev_stays():
    config = replace(CONFIG, strips=8)
    task, again = (CaptionTask.load(config, DataSpec("digit-strips")) for _ in "12")
    first, second = (next(iter(task.batches(0, epoch))).pixels for epoch in (1, 2))
    assert first.shape != second.shape or (first != second).any()
    dev = [each.images["dev"].step for each in (task, again)]
    np.testing.assert_array_equal(dev[0], dev[1])
    assert "made of 1,257 digits" in task.describe()


def test_training_strips_grow_from_one_digit_to_six():
    task = CaptionTask.load(replace(CONFIG, grow=2), DataSpec("digit-strips"))
    longest = [
        max(len(batch.words.levels) for batch in task.batches(0, epoch))
        for epoch in (1, 2, 3, 50)
    ]
    assert longest == [2, 2, 3, 7]  # and the end


def test_the_best_segmentation_reads_the_digits_it_learned_from():
    digits = split_digits(0)["dev"]
    strips = make_strips(digits, 60, np.random.default_rng(0))
    reader = SegmentingReader(kernel=False).fit(digits)
    right = [
        told == words
        for told, words in zip(
            reader.read(strips.columns), strips.captions, strict=True
        )
    ]
    assert np.mean(right) > 0.9
