"""Real browsers, driven headlessly, and the pages that they open.

- `run_options`: parses the command line of a run.
- `model_run`: runs a model.
- `pyodide_page`: a page with Pyodide; `page_site` serves it, `page_script` runs in it.
- `browsers`: starts Chromium and Firefox.
- `page_doctor`: runs `modelden.doctor` in a page.
- `profile_page`: a page of any origin in a profile; `store_script` runs in it, `model_pruning` chooses models.
- `page_fixtures`: pages for tests; `page_eval` runs in them.
- `worker_files`: writes the workers to a folder.
- `stdlib`: compiles Pyodide's standard library; Pyodide itself runs `stdlib_script`.
"""
