"""Everything that touches fairseq. Loaded by fairseq itself (`--user-dir`), it registers the project's task."""

if __name__ == "fairseq_plugin":
    # fairseq imports a user folder under the folder's own name; the task must be registered once, under its full name.
    import sys
    from pathlib import Path

    sys.path.append(str(Path(__file__).resolve().parents[2]))
    import workflow_scripts.fairseq_plugin.task  # noqa: F401
