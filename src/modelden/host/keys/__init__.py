"""Keys, certificates and signatures.

- `key_folder`: the signer's chain on disk.
- `certificates`: issues chains of Mozilla's shape.
- `signer`: signs collections.
- `crypto`: `ports.Crypto` on CPython, for verification.
"""
