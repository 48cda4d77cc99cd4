"""The settings of a classifier of sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from treefold.models.sequence_classifier import Readout
from treefold.training.settings import Settings


@final
@dataclass(frozen=True, kw_only=True)
class ClassifyConfig(Settings):
    """Settings of a model that tells the class of a sequence.

    Attributes:
        model: which cell is folded over the sequence.
        hidden_size: features of a state, in each direction.
        num_layers: layers, one upon the other.
        bidirectional: read the sequence backward, too.
        readout: what the classifier reads of the states of all steps: the last, their
            mean, the greatest of each feature, or a mean with learned weights.
        unit: what the steps of a text are.
        lower: lower-case the words.
        min_count: words that occur less often in training are unknown.
        input_size: features of a word's vector.
        embedding_std: standard deviation of the random vectors that training begins
            with.
        vectors: file of pretrained word vectors (GloVe's text format) to begin with.
        phrases: of the SST sets, train on every labelled phrase, not only on sentences.
        frames: what becomes of a sound: the logarithm of its energy in bands, or the
            cepstrum of that.
        bands: of the sound's spectrum.
        deltas: add how the frames change, and how that changes.
        input_dropout: share of a step's features dropped in training.
        word_dropout: share of the words read as unknown in training.
        dropout: share of a layer's output that the next layer does not see.
        state_dropout: share of a state that the next step does not see.
        variational: drop the same features of the states at all steps of a sequence.
        output_dropout: share of the features that the classifier does not see.
        noise: deviation of the noise added to vectors in training, of their own 1.
        warp: deviation from the identity of the linear map that each sequence's vectors
            go through in training; it turns, scales and shears points of a plane.
        mask: in training, a run of up to this share of a sequence's steps, and of its
            features, is hidden.
        label_smoothing: share of the target spread evenly over the classes.
        sparse: step on the vectors of the words in a batch only.
        window: sequences are sorted by length within so many batches.
        metric: what is best on dev, and chooses the epoch and the seed.
    """

    model: Literal["rnn", "lstm", "gru"] = "lstm"
    hidden_size: int = 128
    num_layers: int = 1
    bidirectional: bool = True
    readout: Readout = "mean"
    unit: Literal["word", "character"] = "word"
    lower: bool = True
    min_count: int = 1
    input_size: int = 300
    embedding_std: float = 0.1
    vectors: str | None = None
    phrases: bool = False
    frames: Literal["log-mel", "mfcc"] = "log-mel"
    bands: int = 32
    deltas: bool = True
    input_dropout: float = 0.0
    word_dropout: float = 0.0
    dropout: float = 0.0
    state_dropout: float = 0.0
    variational: bool = True
    output_dropout: float = 0.2
    noise: float = 0.0
    warp: float = 0.0
    mask: float = 0.0
    label_smoothing: float = 0.0
    sparse: bool = True
    clip: float | None = 5.0
    window: int = 16
    metric: Literal["accuracy", "macro_f1", "loss"] = "accuracy"

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("hidden_size", "num_layers", "input_size", "min_count", "bands")
        self.check("at least 1", lambda value: value >= 1, *sizes, "window")
        shares = ("input_dropout", "word_dropout", "dropout", "state_dropout")
        self.check("in [0, 1)", lambda value: 0 <= value < 1, *shares)
        shares = ("output_dropout", "mask", "label_smoothing")
        self.check("in [0, 1)", lambda value: 0 <= value < 1, *shares)
        self.check("0 or more", lambda v: v >= 0, "noise", "warp", "embedding_std")
