"""JSON from outside, which may be anything."""

from __future__ import annotations

import json
from typing import Any


def loads(text: str) -> Any:
    r"""Read JSON as `json.loads` does, and refuse all that is bad in one way.

    Raises:
        json.JSONDecodeError: it is no JSON, lists lie too deep in lists, a number has
            thousands of digits, or a text holds half a character, as ``"\ud800"``
            does, which could never be written again.
    """
    try:
        found = json.loads(text)
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False).encode()
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise json.JSONDecodeError("lists too deep in lists", text, 0) from None
    except UnicodeEncodeError:
        at = text.lower().find("\\ud")
        raise json.JSONDecodeError("half a surrogate pair", text, at) from None
    except ValueError:
        raise json.JSONDecodeError("a number of too many digits", text, 0) from None
    return found
