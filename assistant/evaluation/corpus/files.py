"""Labelled texts as JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TextIO

from redaction import LabelledText


def write_jsonl(texts: Iterable[LabelledText], file: TextIO) -> None:
    """Write a line for each text, with its labels and where it comes from."""
    for text in texts:
        line = {
            "text": text.text,
            "spans": [
                {
                    "start": span.start,
                    "end": span.end,
                    "type": span.type,
                    "entity": span.entity,
                    "form": span.form,
                }
                for span in text.spans
            ],
            "group": text.group,
            "template": text.template,
            "language": text.language,
        }
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
