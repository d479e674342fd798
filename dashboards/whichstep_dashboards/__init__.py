"""The dashboard: four Streamlit screens over the read API.

A process of its own, started by `serve.command` and supervised by the sidecar; it holds no database handle and no
SQL, so a crash or a slow page cannot touch ingest. `app` navigates, `data` alone fetches, `charts` turn rows into
drawings, `views` hold one screen each. Whatever an agent wrote is shown as text, never as markup.
"""
