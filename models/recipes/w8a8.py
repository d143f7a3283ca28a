"""Quantise a causal language model to INT8 weights and activations.

Run by the engine's Python; imports nothing of ours. Takes one argument, a JSON object: overlay, original
(folder), gguf (file in it, or null), result, scratch, scheme, targets, ignore. Writes lines `step: …` and one
`tools: {…}`. The scheme is llmcompressor's: weights symmetric per channel, activations dynamic per token, so
that no calibration data is needed.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

order = json.loads(sys.argv[1])
# The overlay goes first: it brings the compressed-tensors version that llmcompressor wants.
sys.path.insert(0, order["overlay"])


def step(text: str) -> None:
    print(f"step: {text}", flush=True)


def main() -> None:
    step("loading libraries")
    import torch  # type: ignore[import-not-found,unused-ignore]
    from llmcompressor import oneshot  # type: ignore[import-not-found,unused-ignore]
    from llmcompressor.modifiers.quantization import (  # type: ignore[import-not-found,unused-ignore]
        QuantizationModifier,
    )
    from transformers import (  # type: ignore[import-not-found,unused-ignore]
        AutoModelForCausalLM,
        AutoTokenizer,
        GgufConfig,
    )

    folder, plain = Path(order["original"]), Path(order["original"])
    if order["gguf"]:
        plain = Path(order["scratch"]) / "dequantised"
        step("reading and dequantising the weights")
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            gguf_file=order["gguf"],
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.bfloat16,
            local_files_only=True,
        )
        model.save_pretrained(plain)
        del model
        step("reading the tokenizer")
        AutoTokenizer.from_pretrained(folder, gguf_file=order["gguf"], local_files_only=True).save_pretrained(
            plain
        )
    tokenizer = AutoTokenizer.from_pretrained(plain, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(plain, dtype=torch.bfloat16, local_files_only=True)

    step(f"quantising to {order['scheme']}")
    modifier = QuantizationModifier(targets=order["targets"], scheme=order["scheme"], ignore=order["ignore"])
    oneshot(model=model, recipe=modifier)
    step("writing the quantised model")
    model.save_pretrained(order["result"], save_compressed=True)
    tokenizer.save_pretrained(order["result"])
    names = ("torch", "transformers", "llmcompressor", "compressed-tensors", "gguf")
    print("tools: " + json.dumps({name: version(name) for name in names}), flush=True)


if __name__ == "__main__":
    main()
