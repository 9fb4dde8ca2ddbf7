"""The adapters of `modelden.ports` to the browser: nothing outside this package imports ``js`` or ``pyodide``.

In the order in which they are called:

- `bytecode_cache`: the bytecode of earlier visits
- `last_worker`, `early_worker`: the worker of the last engine, started ahead
- `indexeddb`, `indexeddb_transaction`: databases
- `worker_scripts`, `worker`, `model_worker`, `wasm_compile`: workers, and the runtime that starts in one
- `engine_host`, `session_host`: workers with a pipeline, workers with a raw ONNX model
- `media`: images and sounds of the page
- `connection`: joins the adapters to `ports.Ports`
- `fetch`, `blobs`: HTTP, and bytes outside Python's memory
- `trust`: certificates, signatures and filter expressions
- `web_locks`, `broadcast`: locks and messages between tabs
- `models_element`: the list of stored models in the page
- `page`, `timers`, `suspender`: the page itself
- `ffi`: conversions of values and of exceptions, for all of them

An adapter raises the errors that its port names. `ffi.map_exceptions` turns the browser's exceptions into them.

Nothing is imported here: a page imports the modules one after the other, with its own turn in between
(`default_context`).
"""
