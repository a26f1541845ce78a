"""Where numbers come from: code, libraries, machine, environment. Torch is not imported."""
