"""Preflight of an installation, by subject: which questions the checks need, and what the checks look at. All pure.

``questions`` lists what is asked of a host and ``subject`` puts the answers together; ``paths``, ``ways``, ``places``,
``ports``, ``network``, ``policy`` and ``java`` each read the answers about one subject. ``outcome`` says what the
results of the checks mean for an install.
"""
