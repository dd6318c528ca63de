"""Presentation contexts as people read them: by the names of PS3.6, those that were refused always among them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gateway.associations.record import ContextRecord, ContextResult
from gateway.dicom.dictionary import is_storage, name_of

MOST_KEPT = 16
_MOST_NAMED = 8


def described(contexts: Iterable[ContextRecord]) -> tuple[ContextRecord, ...]:
    """Return what is kept of the contexts of one association: each once, with its name, the refused ones first."""
    kept = sorted(dict.fromkeys(contexts), key=lambda context: context.is_accepted)[:MOST_KEPT]
    return tuple(replace(context, name=name_of(context.abstract_syntax)) for context in kept)


def refusal_of(contexts: Sequence[ContextRecord]) -> str:
    """Say which presentation contexts were refused; "" where none was.

    >>> refusal_of([ContextRecord("1.2.840.10008.1.20.1", ContextResult.NO_ABSTRACT_SYNTAX)])
    'asked for Storage Commitment Push Model SOP Class only, which is not served here'
    """
    refused = list(dict.fromkeys(_in_words(context) for context in contexts if not context.is_accepted))
    if not refused:
        return ""
    named = refused[:_MOST_NAMED]
    more = f" and {len(refused) - len(named)} more" if len(refused) > len(named) else ""
    listed = f"{', '.join(named)}{more}"
    if any(context.is_accepted for context in contexts):
        return f"not served here: {listed}"
    return f"asked for {listed} only, which {'is' if len(refused) == 1 else 'are'} not served here"


def _in_words(context: ContextRecord) -> str:
    name = name_of(context.abstract_syntax) or context.abstract_syntax or "a context without an abstract syntax"
    if context.result is not ContextResult.NO_TRANSFER_SYNTAX:
        return name
    # a storage class is taken in whatever is proposed
    return f"{name} in {'no transfer syntax' if is_storage(context.abstract_syntax) else 'other transfer syntaxes'}"
