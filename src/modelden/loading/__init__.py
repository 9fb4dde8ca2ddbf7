"""Loading: joins settings, hub and engines, from a request to a loaded model and to a newer one.

Its modules, in the order in which they are called:

- `update_fallback`: the model that settings name, or else the one that worked before.
- `engine_loader`, `load_retry`, `file_provider`: a plan, and the load of its model.
- `update_check`: newer models and runtimes.
- `onnx_session_loader`, `runtime_cache`, `session_pool`, `onnx_file_provider`, `onnx_session`: raw ONNX models.
"""
