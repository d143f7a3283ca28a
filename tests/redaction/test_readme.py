from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from redaction import EntityType, Redactor

README = Path(__file__).parents[2] / "redaction" / "README.md"


def test_the_detector_of_the_readme_finds_what_it_says() -> None:
    section = README.read_text("utf-8").split("## Adding a detector")[1]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}
    exec(code[1], names)  # noqa: S102 - our own document
    text = "with permit P-\u200b12345 only"
    (span,) = Redactor([names["PermitDetector"]()]).detect(text)
    assert (text[span.start : span.end], span.type) == ("P-\u200b12345", EntityType.ID)
