"""Why an answer failed, as an error again: from the reason and the words that its end was recorded with."""

from __future__ import annotations

from application import errors as a
from domain.errors import DaybookError

_KINDS: dict[str, type[a.ModelServerError]] = {
    kind.reason: kind
    for kind in (
        a.ModelServerError,
        a.ModelServerUnreachableError,
        a.ModelMissingError,
        a.ModelServerOverloadedError,
        a.LineFullError,
        a.ModelServerTimeoutError,
        a.AnswerBrokenOffError,
        a.ContextTooLongError,
    )
}
_SAYS_IT_ALL = (a.AnswerBrokenOffError, a.ContextTooLongError)


def problem_of(detail: str | None, reason: str | None, model: str) -> DaybookError | None:
    """Return what an answer failed with; None where nothing was told. The next step is that of its kind."""
    if not detail:
        return None
    kind = _KINDS.get(reason or "")
    if kind is None:
        return DaybookError(detail)
    if kind is a.ModelMissingError:
        return kind(detail, hint=f"daybook models pull {model}")
    return kind(detail, hint="" if issubclass(kind, _SAYS_IT_ALL) else "daybook doctor")
