"""Load a package, see where it comes from, keep it in fewer bytes, and export it.

python scripts/examples/package.py [PACKAGE]
"""

from pathlib import Path
from tempfile import mkdtemp

from small import small_package

from lab import load_package
from lab.package.huggingface.export import export_package

package = small_package()
manifest = package.manifest
print(f"run              {manifest.run}, seed {manifest.seed}")
print(f"parameters       {manifest.n_params:,}")
for name, value in manifest.metrics.items():
    print(f"{name:<17}{value:.4f}")
print(f"made with        torch {manifest.provenance.torch} on {manifest.provenance.device}")

half = load_package(package.folder, dtype="bfloat16")
print(f"in bfloat16      {half.generate('The ', max_new_tokens=20, temperature=0.0)!r}")

folder = Path(mkdtemp(prefix="lab-example-")) / "exported"
export_package(package.folder, to=folder)
print(f"exported         {', '.join(sorted(path.name for path in folder.iterdir()))}")
print(f"to load          transformers.AutoModelForCausalLM.from_pretrained({str(folder)!r})")
