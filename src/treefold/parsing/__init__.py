"""Trees over sentences, grammars read off them, and charts: no files, no training.

A treebank's trees are made plain (`plain`), cut into rules of two (`binary`), counted
(`grammar`), and parsed with again (`chart`, `kbest`); `evalb` says how right a tree is.
The package knows numpy and numba only; `treefold.models` rescores what it finds.
"""
