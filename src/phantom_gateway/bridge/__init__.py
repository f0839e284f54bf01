"""LiteLLM's SDK, quarantined: for the providers without an adapter of our own.

The **keeper** (``keeper``) is ours and never loads the SDK. It starts a **zygote** in the bridge's own environment, which loads
the SDK once, behind the sandbox and without any secret; **children** forked from it serve the calls of one credential each. What
runs in that environment is in ``inside`` and uses the standard library and the SDK alone.
"""
