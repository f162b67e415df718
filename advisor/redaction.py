"""Text without what must not be kept: secrets, e-mail addresses and names of people.

Written for questions, that is prose with pasted commands, logs and tracebacks. Each pattern is
bounded, so that 20,000 hostile characters take milliseconds.
"""

from __future__ import annotations

import re

SECRET = "[secret]"  # noqa: S105 - what is written in place of one
EMAIL = "[e-mail]"
NAME = "[name]"

# Keys that say by their beginning what they are.
_PREFIXED = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}"  # OpenAI, Anthropic, Stripe
    r"|gh[opsur]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}"
    r"|hf_[A-Za-z0-9]{16,}|npm_[A-Za-z0-9]{16,}|pypi-[\w-]{16,}|wandb_v\d_[\w-]{16,}"
    r"|xox[a-z](?:\.[a-z]+)?-[\w-]{8,}|xapp-[\w-]{8,}"  # Slack
    r"|(?:AKIA|ASIA)[0-9A-Z]{12,}|AIza[\w-]{20,}|ya29\.[\w-]{10,}"
    r"|eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?"  # JSON web tokens
    r")"
)
_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
_IN_ADDRESS = re.compile(r"(?<=://)[^\s/@]{1,300}@")
_HOOK = re.compile(r"(hooks\.slack\.com/\w{1,20}/)\S+")
_HEADER = re.compile(
    r"\b(authorization\s*[:=]\s*(?:bearer|basic|token)?|bearer)\s+[^\s\"',]+", re.I
)
# `password` and its kin are followed by a secret whatever it looks like. `token` is not: a
# training log is full of `pad_token=</s>`, so there the value must look like a key.
_NAMED = re.compile(
    r"((?:pass(?:word|wd|phrase)|\bpwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|"
    r"credentials?)[\w-]{0,20}[\"']?\s{0,5}(?:[:=]|\bis\b)\s{0,5}[\"']?)[^\s\"',;]+",
    re.I,
)
# The same as an option, and the options and parameters that hold a secret by custom.
_OPTION = re.compile(
    r"(--(?:[\w-]{0,20})(?:pass(?:word|wd|phrase)?|secret|api[_-]?key|access[_-]?key)\s{1,5}[\"']?|"
    r"\b(?:docker|podman) login\b[^\n]{0,200}?\s-p\s{0,5}|\bsshpass\s{1,5}-p\s{0,5}|"
    r"\bmysql\w{0,10}\b[^\n]{0,200}?\s-p|\bcurl\b[^\n]{0,200}?\s(?:-u|--user)\s{0,5}|"
    r"\bcookie\s{0,5}:\s{0,5}\w{1,40}=|"
    r"[?&](?:key|sig|signature|auth|session|code)=)[^\s\"'&;]+",
    re.I,
)
_TOKEN = re.compile(
    r"(token[\"']?\s{0,5}[:=]\s{0,5}[\"']?)(?=[\w./+-]*\d)(?=[\w./+-]*[A-Za-z])[\w./+-]{12,}", re.I
)
# Keys without a name: hexadecimal, or mixed case with digits, too long for a word or a path.
_OPAQUE = re.compile(
    r"(?<![A-Za-z0-9+])(?:[0-9a-fA-F]{32,}"
    r"|(?=[A-Za-z0-9+]{0,200}\d)(?=[A-Za-z0-9+]{0,200}[a-z])(?=[A-Za-z0-9+]{0,200}[A-Z])"
    r"[A-Za-z0-9+]{32,})=*"
)
# Hosts may be x.com, 163.com, 10.0.0.12 and gpu01; hit@1 and p@10.5 are none.
_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@"
    r"(?:[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\.[^\W\d_]{2,24}|\d{1,3}(?:\.\d{1,3}){3}"
    r"|(?=[^\W\d_])[\w-]{2,}(?:\.[\w-]+)*)",
    re.UNICODE,
)
_MENTION = re.compile(r"<[@!][^<>\s]{1,80}>")
_HOME = re.compile(r"((?:/home/|/Users/|\\Users\\))[^\s/\\:\"']+")
# Scores are written like addresses: hit@k, recall@top.
_SCORES = re.compile(r"(?i)^(?:\w*(?:hit|hits|recall|precision|map|ndcg|acc|pass|top|p|r))@")


def redacted(text: str) -> str:
    """The text with [secret], [e-mail] and [name] where such stood."""
    text = _KEY_BLOCK.sub(SECRET, text)
    text = _IN_ADDRESS.sub(f"{SECRET}@", text)
    text = _HOOK.sub(rf"\1{SECRET}", text)
    text = _HEADER.sub(rf"\1 {SECRET}", text)
    text = _PREFIXED.sub(SECRET, text)
    text = _NAMED.sub(rf"\1{SECRET}", text)
    text = _OPTION.sub(rf"\1{SECRET}", text)
    text = _TOKEN.sub(rf"\1{SECRET}", text)
    text = _OPAQUE.sub(SECRET, text)
    text = _EMAIL.sub(lambda found: found[0] if _is_score(found[0]) else EMAIL, text)
    text = _MENTION.sub(NAME, text)
    return _HOME.sub(rf"\1{NAME}", text)


def _is_score(text: str) -> bool:
    return "." not in text.partition("@")[2] and bool(_SCORES.match(text))
