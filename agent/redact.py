"""Passwords and tokens out of text that a person or a log will see."""

import re

_HIDDEN = "***"
_PATTERNS = (
    # postgresql://user:password@host
    (
        re.compile(r"(?P<keep>[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@]+(?=@)", re.IGNORECASE),
        rf"\g<keep>{_HIDDEN}",
    ),
    # password=..., sslpassword='...' in key/value strings, and ?password= in URLs
    (
        re.compile(r"(?P<keep>\b(?:ssl)?password\s*=\s*)(?:'(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE),
        rf"\g<keep>{_HIDDEN}",
    ),
    (re.compile(r"(?P<keep>\bcst_agent_)[A-Za-z0-9_-]{4,}"), rf"\g<keep>{_HIDDEN}"),
    (re.compile(r"(?P<keep>\bBearer\s+)\S+", re.IGNORECASE), rf"\g<keep>{_HIDDEN}"),
)


def redact(text: str) -> str:
    """``text`` with every connection string's password and every agent token replaced by ``***``."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text
