"""What stands in a package, and how large it may be.

The limits are checked before a file is read, so that a damaged or hostile package costs no
memory. The weights have none of their own: their size must follow from their number.
"""

CONFIG = "config.yaml"
TOKENIZER = "tokenizer.json"
WEIGHTS = "model.safetensors"
METRICS = "metrics.csv"
PROVENANCE = "provenance.json"
MANIFEST = "manifest.json"

FILES = (CONFIG, TOKENIZER, WEIGHTS, METRICS, PROVENANCE)  # those that the manifest vouches for

KIB, MIB = 2**10, 2**20
MAX_BYTES = {
    CONFIG: MIB // 4,
    TOKENIZER: 64 * MIB,
    METRICS: 256 * MIB,
    PROVENANCE: 4 * MIB,
    MANIFEST: MIB,
}
TOKENIZER_BYTES = (MIB, KIB // 2)  # what it may have in any case, and more for each token
MAX_HEADER_BYTES = 16 * MIB  # names and shapes of the weights
MAX_TABLE_BYTES = 1024 * MIB  # of positions, which a model computes for itself
