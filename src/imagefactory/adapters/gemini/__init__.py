"""The model on the Gemini API, `generateContent` over REST."""

from imagefactory.adapters.gemini.client import GeminiModel

__all__ = ["GeminiModel"]
