"""Nothing of a private appliance reports to the maker of a library."""

import os
import subprocess
import sys
from pathlib import Path


def test_the_encoder_leaves_no_trace_outside_of_its_folder(minilm: Path, tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from models.encoder import Encoder
Encoder(Path({str(minilm)!r}), max_tokens=64, dimensions=384).encode(["A short text."])
"""
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=120)
    assert [str(path) for path in tmp_path.rglob("*") if path.is_file()] == []
