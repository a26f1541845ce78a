"""Look at what every head attends to, and draw it.

python scripts/examples/attention.py [PACKAGE]
"""

from pathlib import Path
from tempfile import mkdtemp

import torch
from small import small_package

from lab.files import write_bytes
from lab.report.figures.attention import attention_maps
from lab.report.figures.style import png

package = small_package()
ids = package.tokenizer.encode_prompt("The return value of ")
with torch.inference_mode():
    inside = package.model.inspect(torch.tensor([ids]))

weights = [layer[0].numpy() for layer in inside.attention]  # (heads, T, T) of each layer
for layer, maps in enumerate(weights, start=1):
    looked_at = maps[:, -1].argmax(axis=-1)
    seen = ", ".join(repr(package.tokenizer.decode([ids[place]])) for place in looked_at)
    print(f"layer {layer}: from the last token, the heads look most at {seen}")

layers, heads = range(len(weights)), range(len(weights[0]))
tokens = [package.tokenizer.decode([token]) for token in ids]
picture = Path(mkdtemp(prefix="lab-example-")) / "attention.png"
write_bytes(picture, png(attention_maps(weights, tokens, layers=layers, heads=heads)))
print(f"drawn: {picture}")
