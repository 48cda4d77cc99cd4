"""Node functions: what is folded over a forest. They know tensors, not structure."""

from treefold.cells.base import Cell, Children, State
from treefold.cells.by_type import ByType
from treefold.cells.combinators import Dropout, TiedDropout
from treefold.cells.extended import ExtendedTreeGRUCell, ExtendedTreeLSTMCell
from treefold.cells.gated import GatedRecursiveCell
from treefold.cells.initial import forget_bias_, identity_, orthogonal_
from treefold.cells.layer_norm import LayerNormRecursiveCell
from treefold.cells.leaky import Leaky
from treefold.cells.max_sum import MaxSumTreeLSTMCell
from treefold.cells.module import ModuleCell
from treefold.cells.pooled import PooledCell
from treefold.cells.probe import Probe
from treefold.cells.recursive import RecursiveCell
from treefold.cells.reservoir import reservoir_, spectral_radius
from treefold.cells.skip import Skip
from treefold.cells.tensor import MatrixVectorState, MVRNNCell, RNTNCell
from treefold.cells.tree_gru import ChildSumTreeGRUCell, NaryTreeGRUCell
from treefold.cells.tree_lstm import ChildSumTreeLSTMCell, LSTMState, NaryTreeLSTMCell
from treefold.cells.zoneout import Zoneout

__all__ = [
    "ByType",
    "Cell",
    "ChildSumTreeGRUCell",
    "ChildSumTreeLSTMCell",
    "Children",
    "Dropout",
    "ExtendedTreeGRUCell",
    "ExtendedTreeLSTMCell",
    "GatedRecursiveCell",
    "LSTMState",
    "LayerNormRecursiveCell",
    "Leaky",
    "MVRNNCell",
    "MatrixVectorState",
    "MaxSumTreeLSTMCell",
    "ModuleCell",
    "NaryTreeGRUCell",
    "NaryTreeLSTMCell",
    "PooledCell",
    "Probe",
    "RNTNCell",
    "RecursiveCell",
    "Skip",
    "State",
    "TiedDropout",
    "Zoneout",
    "forget_bias_",
    "identity_",
    "orthogonal_",
    "reservoir_",
    "spectral_radius",
]
