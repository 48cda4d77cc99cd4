"""Contents of nodes as vectors."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn
from torch.nn import functional as F


@final
class ContentEncoder(nn.Module):
    r"""A vector for each content: the weighted sum of its features' vectors.

    .. math:: x_u = \textstyle\sum_{f \in u} w_{uf} E_f

    What features there are, a `Schema` says: kind, role, position, text, number. So a
    content that was never met is still the sum of what is known of it.

    Args:
        num_features: F.
        size: I, entries of a vector.
        std: standard deviation of the vectors at the start.

    Shape:
        - offset: (U,) int64, where each content's features begin.
        - index: (N,) int64, features.
        - weight: (N,), their values.
        - output: (U, I).

    Attributes:
        embedding: the features' vectors E, (F, I), whose gradients are sparse.

    Example:
        >>> import torch
        >>> encoder = ContentEncoder(10, 4)
        >>> offset, index = torch.tensor([0, 2]), torch.tensor([1, 7, 1])
        >>> encoder(offset, index, torch.ones(3)).shape
        torch.Size([2, 4])
    """

    def __init__(self, num_features: int, size: int, *, std: float = 0.3):
        super().__init__()
        self.size = size
        self.embedding = nn.Embedding(num_features, size, sparse=True)
        nn.init.normal_(self.embedding.weight, std=std)

    def forward(self, offset: Tensor, index: Tensor, weight: Tensor) -> Tensor:
        # Each distinct feature is looked up once, so that it has one row of gradient.
        found, row = index.unique(return_inverse=True)
        table = self.embedding(found)
        weight = weight.to(table.dtype)
        return F.embedding_bag(
            row, table, offset, mode="sum", per_sample_weights=weight
        )
