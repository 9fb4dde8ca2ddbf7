"""The local server: Remote Settings, hub and site on one origin.

- `server`: joins the applications, and runs them.
- `request_log`, `faults`, `control_app`: for tests; `access_log` for people.
- `settings_app`: Remote Settings; `hub_app`: the hub; `site_app`: a static site; `static_app`: a tree as static files.
- `page_scripts`: the wheel's own scripts, for pages of the site; `service_worker`: its file for a site.
- `static_files`, `path_send`: files over HTTP; `cors`, `isolation`: headers of responses.
- `watcher`: reloads a tree that changed.
- `model_server`: a server that a test publishes into.
"""
