"""Synthetic faces whose action units are known exactly: identities, expressions, scenes, the renderer."""
