"""The documents as a static site: prepared, built with MkDocs, checked."""
