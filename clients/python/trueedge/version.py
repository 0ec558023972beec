"""The one place with this package's version; pyproject.toml reads it."""

__version__ = "0.1.0"
