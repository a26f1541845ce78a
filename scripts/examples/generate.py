"""Continue a text by every strategy that there is.

python scripts/examples/generate.py [PACKAGE]
"""

from small import small_package

package = small_package()
PROMPT = "The value of "
STRATEGIES = {
    "greedy": {"temperature": 0.0},
    "temperature": {"temperature": 0.7},
    "top-k": {"top_k": 5},
    "top-p": {"top_p": 0.9},
    "min-p": {"min_p": 0.1},
    "all of these": {"temperature": 0.8, "top_k": 20, "top_p": 0.95, "min_p": 0.02},
    "less repetition": {"temperature": 0.0, "repetition_penalty": 1.3},
}

for name, settings in STRATEGIES.items():
    text = package.generate(PROMPT, max_new_tokens=40, seed=1, **settings)
    print(f"{name:<17}{PROMPT}{text!r}")

best = package.beam_search(PROMPT, num_beams=4, max_new_tokens=40)[0]
print(f"{'beam search':<17}{PROMPT}{best.text!r}, score {best.score:.2f}")

print(f"{'up to a space':<17}{PROMPT}{package.generate(PROMPT, seed=1, stop=[' '])!r}")

print(f"{'as it is written':<17}{PROMPT}", end="")
for piece in package.stream(PROMPT, max_new_tokens=40, seed=1):
    print(piece.replace("\n", "↵"), end="", flush=True)
print()
