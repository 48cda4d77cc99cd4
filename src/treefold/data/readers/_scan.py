"""The compiled scanner of bracket trees: bytes in, flat pre-order arrays out.

One pass, no recursion and no stack: nodes are numbered as they open, so the chain of
parents of the node at hand *is* the stack. Words and labels are interned by a hash
table, so that Python makes one string per distinct word.
"""

from __future__ import annotations

import numpy as np
from numba import njit

OUTSIDE, EMPTY, NO_BODY, UNCLOSED = 1, 2, 3, 4  # what can be wrong

OPEN, CLOSE, NEWLINE = 40, 41, 10
HASH, PERCENT, STAR = 35, 37, 42  # begin a comment


@njit(cache=True)
def _is_space(c):
    return c == 32 or 9 <= c <= 13


@njit(cache=True)
def _word_end(data, i):
    """Return where the run of characters that begins at i ends."""
    while i < len(data):
        c = data[i]
        if c in (OPEN, CLOSE) or _is_space(c):
            break
        i += 1
    return i


@njit(cache=True)
def _line_begin(data, i):
    """Return where the line that position i is on begins."""
    while i > 0 and data[i - 1] != NEWLINE:
        i -= 1
    return i


@njit(cache=True)
def next_tree_line(data, i, line, indent):
    """Find the next line that starts a tree: '(' after `indent` blanks or fewer.

    Returns:
        The position of its bracket, or len(data), and its line number.
    """
    n = len(data)
    while True:
        while i < n and data[i] != NEWLINE:
            i += 1
        if i >= n:
            return n, line
        i += 1
        line += 1
        begin = i
        while i < n and data[i] != NEWLINE and _is_space(data[i]):
            i += 1
        if i < n and data[i] == OPEN and i - begin <= indent:
            return i, line


@njit(cache=True)
def indent_of_line(data, i):
    """Return how many blanks open the line that position i is on."""
    begin = _line_begin(data, i)
    end = begin
    while end < i and _is_space(data[end]):
        end += 1
    return end - begin


@njit(cache=True)
def innermost_open(data, begin, end):
    """Return the position of the last '(' in data[begin:end] that has no ')'."""
    depth = 0
    for i in range(end - 1, begin - 1, -1):
        if data[i] == CLOSE:
            depth += 1
        elif data[i] == OPEN:
            if depth == 0:
                return i
            depth -= 1
    return begin


@njit(cache=True)
def _empty_slots(size):
    slots = np.empty(size, np.int32)
    for k in range(size):
        slots[k] = -1
    return slots


@njit(cache=True)
def _new_table():
    """Return an empty table: slots, and entries of hash, begin and end of a word."""
    return _empty_slots(1 << 12), np.empty((1 << 11, 3), np.int64)


@njit(cache=True)
def _grown(slots, entries):
    """Return the table with twice the room; every entry is in use."""
    size = 2 * len(slots)
    new_slots = _empty_slots(size)
    new_entries = np.empty((2 * len(entries), 3), np.int64)
    for k in range(len(entries)):
        for j in range(3):
            new_entries[k, j] = entries[k, j]
        place = entries[k, 0] & (size - 1)
        while new_slots[place] >= 0:
            place = (place + 1) & (size - 1)
        new_slots[place] = k
    return new_slots, new_entries


@njit(cache=True)
def _find(data, begin, end, slots, entries, count):
    """Return the number of a word, entering it as number `count` if it is new."""
    value = np.uint64(0xCBF29CE484222325)  # FNV-1a
    for i in range(begin, end):
        value = (value ^ np.uint64(data[i])) * np.uint64(0x100000001B3)
    # The low bits choose the slot; fold the well-mixed high bits into them.
    hashed = np.int64(
        (value ^ (value >> np.uint64(29))) & np.uint64(0x7FFFFFFFFFFFFFFF)
    )
    place = hashed & (len(slots) - 1)
    while True:
        k = slots[place]
        if k < 0:
            slots[place] = count
            entries[count, 0] = hashed
            entries[count, 1] = begin
            entries[count, 2] = end
            return count
        if entries[k, 0] == hashed and entries[k, 2] - entries[k, 1] == end - begin:
            other = entries[k, 1] - begin
            same = True
            for i in range(begin, end):
                if data[i] != data[i + other]:
                    same = False
                    break
            if same:
                return k
        place = (place + 1) & (len(slots) - 1)


@njit(cache=True)
def _open_brackets(opened, parent, base, at):
    """Return the positions of the brackets open at a node, the outermost first."""
    depth = 0
    v = at
    while v >= base:
        depth += 1
        v = base + parent[v]
    brackets = np.empty(depth, np.int64)
    v = at
    for k in range(depth - 1, -1, -1):
        brackets[k] = opened[v]
        v = base + parent[v]
    return brackets


@njit(cache=True)
def scan(data, begin, skip_bad, by_line):
    """Read all trees from data[begin:].

    Args:
        data: (n,) uint8, read-only.
        begin: where the text begins, after a byte order mark.
        skip_bad: go on after a bad tree, at the next line that starts a tree.
        by_line: a line that starts a tree may not stand inside another.

    Returns:
        The arrays of the trees: tree_offset (B+1,) int64; parent, label and token (V,)
        int32 in pre-order, parents counted within the tree; line and number (B,)
        int64. The tables: words and labels, (W, 3) int64, the hash of each string and
        where it begins and ends; bad (·, 3) int64: what is wrong, where its tree
        begins, and where it was noticed. And how much of these is in use: B, V,
        words, labels, bad; then the number of trees with lines inside that look like
        the start of another. (To cut arrays here would double the time to compile.)
    """
    m = len(data)
    # A node has a '(' of its own or, a bare word, a letter after a blank or a ')'.
    opens = 0
    for k in range(begin, m):
        opens += data[k] == OPEN
    most = opens + (m - begin - opens) // 2 + 1  # pages never touched cost nothing
    parent = np.empty(most, np.int32)
    label = np.empty(most, np.int32)
    token = np.empty(most, np.int32)
    opened = np.empty(most, np.int64)
    tree_offset = np.zeros(opens + 1, np.int64)
    tree_line = np.empty(opens, np.int64)
    tree_number = np.empty(opens, np.int64)
    tree_end = np.empty(opens, np.int64)

    word_slots, word_entries = _new_table()
    label_slots, label_entries = _new_table()
    letter_label = _empty_slots(256)  # the numbers of labels of one letter, at hand
    words = 0
    labels = 0

    bad = np.empty((16, 3), np.int64)
    bads = 0
    # Brackets known never to close: they were open when an earlier tree went wrong.
    # Trees inside that region are read a second time, but none a third.
    doomed = np.empty(0, np.int64)
    doom = 0
    doom_what = 0
    doom_at = np.int64(0)

    i = np.int64(begin)
    line = np.int64(1)
    start = np.int64(
        0
    )  # where the tree at hand begins, its line, and the line's indent
    start_line = np.int64(1)
    indent = np.int64(0)
    B = 0
    number = 0
    n = 0  # nodes
    base = 0  # first node of the tree at hand
    at = -1  # the node at hand, -1 outside a tree
    line_begin = np.int64(begin)
    looks_like_two = False
    suspects = 0
    wrong = 0

    while True:
        while i < m and _is_space(data[i]):
            i += 1
            if data[i - 1] == NEWLINE:
                line += 1
                line_begin = i
        if i >= m:
            if at < 0:
                break
            wrong = UNCLOSED
        elif data[i] == OPEN:
            if at < 0:
                start = i
                start_line = line
                indent = indent_of_line(data, i)
                looks_like_two = False
                base = n
                number += 1
                while doom < len(doomed) and doomed[doom] < i:
                    doom += 1
                if doom < len(doomed) and doomed[doom] == i:
                    wrong = doom_what
            else:
                column = i - line_begin
                if (
                    line > start_line
                    and column <= indent
                    and indent_of_line(data, i) == column
                ):
                    looks_like_two = True
                    if by_line:
                        wrong = UNCLOSED
                if token[at] >= 0:  # the word before is a child, as is this tree
                    parent[n] = at - base
                    label[n] = -1
                    token[n] = token[at]
                    token[at] = -1
                    n += 1
            if wrong == 0:
                parent[n] = at - base if at >= 0 else -1
                token[n] = -1
                label[n] = -1
                opened[n] = i
                at = n
                n += 1
                i += 1
                while i < m and _is_space(data[i]):
                    i += 1
                    if data[i - 1] == NEWLINE:
                        line += 1
                        line_begin = i
                if i < m and data[i] == CLOSE:
                    wrong = EMPTY
                elif i < m and data[i] != OPEN:
                    end = _word_end(data, i)
                    k = letter_label[data[i]] if end == i + 1 else -1
                    if k < 0:
                        k = _find(data, i, end, label_slots, label_entries, labels)
                        labels += k == labels
                        if labels == len(label_entries):
                            label_slots, label_entries = _grown(
                                label_slots, label_entries
                            )
                        if end == i + 1:
                            letter_label[data[i]] = k
                    label[at] = k
                    i = end
        elif at < 0:
            if data[i] == HASH or data[i] == PERCENT or data[i] == STAR:
                while i < m and data[i] != NEWLINE:
                    i += 1
            else:
                wrong = OUTSIDE
        elif data[i] == CLOSE:
            if token[at] < 0 and n == at + 1:
                wrong = NO_BODY
            else:
                i += 1
                at = base + parent[at] if at > base else -1
                if at < 0:
                    tree_line[B] = start_line
                    tree_number[B] = number
                    tree_end[B] = i
                    B += 1
                    tree_offset[B] = n
                    suspects += looks_like_two
        else:
            end = _word_end(data, i)
            k = _find(data, i, end, word_slots, word_entries, words)
            words += k == words
            if words == len(word_entries):
                word_slots, word_entries = _grown(word_slots, word_entries)
            if token[at] < 0 and n == at + 1:
                token[at] = k  # the node's own word, unless more follows
            else:
                if token[at] >= 0:
                    parent[n] = at - base
                    label[n] = -1
                    token[n] = token[at]
                    token[at] = -1
                    n += 1
                parent[n] = at - base
                label[n] = -1
                token[n] = k
                n += 1
            i = end

        if wrong == 0:
            continue
        if wrong == OUTSIDE:
            # What closed too early on this line is as wrong as what is left over.
            while B > 0 and tree_end[B - 1] > line_begin:
                B -= 1
                number -= 1
            base = tree_offset[B]
            number += 1
            start = i
            start_line = line
            indent = indent_of_line(data, i)
        elif at >= 0:
            doomed = _open_brackets(opened, parent, base, at)
            doom = 0
            doom_what = wrong
            doom_at = i
        if bads == len(bad):
            longer = np.empty((2 * bads, 3), np.int64)
            for k in range(bads):
                for j in range(3):
                    longer[k, j] = bad[k, j]
            bad = longer
        bad[bads, 0] = wrong
        bad[bads, 1] = start
        bad[bads, 2] = i if at >= 0 or wrong == OUTSIDE else doom_at
        bads += 1
        if not skip_bad:
            break
        n = base
        at = -1
        wrong = 0
        i, line = next_tree_line(data, start, start_line, indent)
        line_begin = _line_begin(data, i)

    return (
        (tree_offset, parent, label, token, tree_line, tree_number),
        (word_entries, label_entries, bad),
        (B, n, words, labels, bads, suspects),
    )
