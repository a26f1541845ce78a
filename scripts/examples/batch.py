"""Continue prompts of unequal lengths together: each gets the text that it gets alone.

python scripts/examples/batch.py [PACKAGE]
"""

from small import small_package

package = small_package()
PROMPTS = ["The ", "An expression is ", "If the class defines ", "x = "]

texts = package.generate_batch(PROMPTS, max_new_tokens=40, temperature=0.7, seed=1)
for number, (prompt, text) in enumerate(zip(PROMPTS, texts, strict=True)):
    alone = package.generate(prompt, max_new_tokens=40, temperature=0.7, seed=1 + number)
    print(f"{prompt}{text!r}  alone: {'the same' if alone == text else 'other'}")
