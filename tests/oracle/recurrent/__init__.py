"""Recurrent classifiers, and the rules of relevance on them written out densely."""
