"""Engines: the options and the runtime that a request gets, and the loaded model that runs it.

Its modules, in the order in which they are called:

- `options`, `option_validation`, `tasks`: the request.
- `schema`: the database.
- `last_engine`: the runtime of the last visit, started ahead.
- `engine`, `engine_runner`, `lifecycle`: one engine per name, and its life.
- `model_selection`, `runtime_selection`, `plan`: the decision, from Remote Settings.
- `history`, `memory_guard`: what is stored of loads.
- `inputs`, `media`, `tensor`, `values`, `streaming`, `metrics`: one run.
- `chat`, `chat_options`: one conversation.
- `update_status`: the answer of an update check.
- `onnx`, `onnx_options`: raw ONNX models.
"""
