"""Readers of Gwyddion simple fields (.gsf), and what other programs put beside them."""
