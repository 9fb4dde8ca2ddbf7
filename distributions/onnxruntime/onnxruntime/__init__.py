"""`modelden.onnxruntime` under the name ``onnxruntime``, for packages that import that in a browser."""

from modelden import onnxruntime

# The import system takes the module that is in `sys.modules` when this one has run.
onnxruntime.install()
