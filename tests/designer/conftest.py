"""The model that counts its calls."""

from tests.engine.conftest import counting

__all__ = ["counting"]
