"""Errors a person can act on: each carries exactly one sentence."""

from __future__ import annotations


class EipyomoError(Exception):
    """Base of all errors that this package raises on purpose."""


class InputError(EipyomoError, ValueError):
    """Bad input or usage; the sentence names the key, the value and what is allowed."""


class OutputError(EipyomoError, OSError):
    """A file could not be written for want of space or the like.

    Attributes
    ----------
    answer
        What was computed before that, if anything was.
    """

    def __init__(self, sentence: str, answer: object = None) -> None:
        super().__init__(sentence)
        self.answer = answer


class ClaimError(InputError):
    """A document says of itself what is not true; the sentence has both, claim and truth."""


class SolverError(EipyomoError, RuntimeError):
    """A solver is missing, failed, or ran out of time without an answer."""


class InputWarning(UserWarning):
    """Input that was taken, but filled or probably not what was meant; a sentence says which."""
