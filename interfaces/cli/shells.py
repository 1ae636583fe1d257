"""The shells that can complete `daybook`: the script each of them runs, and how it is spoken to.

A script calls `daybook __complete SHELL …` and gets a line `words` or `files`, then a line for each word. zsh
and fish are told meanings beside the words; bash has no place for them but the list it shows after a second
Tab, so they are put there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interfaces.cli.offers import Offer

_LONGEST_MEANING = 60
_LISTING = "63"  # the value of COMP_TYPE after a second Tab
_NO_QUOTES_NEEDED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_+=:,./-")

BASH = r"""# Completes daybook in bash.
_daybook() {
    local line first=1 typed="${COMP_LINE:0:$COMP_POINT}"
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ -n $first ]]; then
            first=
            [[ $line == files ]] && compopt -o default 2>/dev/null
        else
            COMPREPLY+=("$line")
        fi
    done < <("$1" __complete bash "${COMP_TYPE:-9}" "$COMP_WORDBREAKS" "$typed" 2>/dev/null)
}
complete -o nosort -F _daybook daybook 2>/dev/null || complete -F _daybook daybook
"""

ZSH = r"""#compdef daybook
# Completes daybook in zsh.
_daybook() {
    local -a lines values shown
    local line
    lines=("${(@f)$("${words[1]}" __complete zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ ${lines[1]} == files ]]; then
        _files
        return
    fi
    for line in "${(@)lines[2,-1]}"; do
        [[ -n $line ]] || continue
        values+=("${line%%$'\t'*}")
        shown+=("${line//$'\t'/  }")
    done
    (( $#values )) || return 1
    compadd -V daybook -l -d shown -a values
}
if [[ ${funcstack[1]} == _daybook ]]; then
    _daybook "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
    compdef _daybook daybook
fi
"""

FISH = r"""# Completes daybook in fish.
function __daybook_complete
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    set -l answer ($before[1] __complete fish $before[2..-1] "$word" 2>/dev/null)
    if test "$answer[1]" = files
        __fish_complete_path "$word"
    else if test (count $answer) -gt 1
        printf '%s\n' $answer[2..-1]
    end
end
complete -c daybook -f -k -a '(__daybook_complete)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


@dataclass(frozen=True)
class Asked:
    """What a shell asks: the words before, the beginning of the one being typed, and how to answer.

    `cut` is how much of the word the shell does not take as part of it; `quoted`: it stands in quotes.
    """

    shell: str
    words: tuple[str, ...]
    typed: str
    listing: bool = True
    cut: int = 0
    quoted: bool = False


def read(argv: Sequence[str]) -> Asked:
    """Return what a script asks; `ValueError` where it is none of ours."""
    shell, *rest = argv
    if shell == "bash":
        kind, breaks, line = rest
        return _of_line(line, breaks, listing=kind == _LISTING)
    if shell not in SCRIPTS:
        raise ValueError(shell)
    typed = rest[-1] if rest else ""
    return Asked(shell, tuple(rest[:-1]), typed[1:] if typed[:1] in {"'", '"'} else typed)


def write(asked: Asked, kind: str, offers: Sequence[Offer]) -> None:
    """Answer."""
    lines = [kind]
    for value, meaning in offers:
        told = _short(meaning) if asked.listing and (asked.shell != "bash" or len(offers) > 1) else ""
        if asked.shell == "bash":
            typed = value if asked.quoted else _quoted(value)
            lines.append(f"{typed[asked.cut :]}{'  ' if told else ''}{told}")
        else:
            lines.append(f"{value}\t{told}" if told else value)
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _of_line(line: str, breaks: str, *, listing: bool) -> Asked:
    """Take a line up to the cursor apart, as bash does."""
    words: list[str] = []
    word: list[str] = []
    quote = ""
    begun = False
    opened = False
    cut = 0
    rest = iter(line)
    for character in rest:
        if quote:
            if character == quote:
                quote = ""
            elif character == "\\" and quote == '"':
                word.append(next(rest, ""))
            else:
                word.append(character)
        elif character in "'\"":
            quote, begun, opened = character, True, True
        elif character == "\\":
            word.append(next(rest, ""))
            begun = True
        elif character.isspace():
            if begun:
                words.append("".join(word))
            word, begun, opened, cut = [], False, False, 0
        else:
            word.append(character)
            begun = True
            if character in breaks:
                cut = len(word)
    return Asked("bash", tuple(words[1:]), "".join(word), listing, cut, quoted=opened)


def _quoted(value: str) -> str:
    return "".join(one if one in _NO_QUOTES_NEEDED or ord(one) > 127 else f"\\{one}" for one in value)  # noqa: PLR2004


def _short(meaning: str) -> str:
    from interfaces.cli.console import one_line

    words = one_line(meaning)
    return words if len(words) <= _LONGEST_MEANING else words[: _LONGEST_MEANING - 1] + "…"
