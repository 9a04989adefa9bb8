"""The options of curl, as far as a request of a flow knows them, and why the others are left out."""

from __future__ import annotations

from collections.abc import Iterator

SHORT = {
    "X": "request", "H": "header", "d": "data", "F": "form", "u": "user", "A": "user-agent", "e": "referer",
    "b": "cookie", "m": "max-time", "x": "proxy", "o": "output", "T": "upload-file", "E": "cert", "K": "config",
    "w": "write-out", "c": "cookie-jar", "D": "dump-header", "r": "range", "z": "time-cond", "C": "continue-at",
    "U": "proxy-user", "Y": "speed-limit", "y": "speed-time", "Q": "quote", "P": "ftp-port", "t": "telnet-option",
    "G": "get", "I": "head", "k": "insecure", "L": "location", "j": "junk-session-cookies", "n": "netrc",
}  # fmt: skip
# Long options that take a value; all others are switches.
WITH_VALUE = frozenset(SHORT[letter] for letter in "XHdFuAebmxoTEKwcDrzCUYyQPt") | frozenset(
    ("data-raw", "data-binary", "data-ascii", "data-urlencode", "json", "form-string", "oauth2-bearer", "url",
     "url-query", "connect-timeout", "cert-type", "key", "key-type", "pass", "cacert", "capath", "retry",
     "retry-delay", "retry-max-time", "resolve", "connect-to", "interface", "aws-sigv4", "limit-rate", "max-redirs",
     "ciphers", "tls-max", "tls13-ciphers", "unix-socket", "local-port", "stderr", "trace", "trace-ascii",
     "max-filesize", "noproxy", "dns-servers", "pinnedpubkey", "variable", "proxy-header", "socks5",
     "socks5-hostname", "preproxy", "create-file-mode", "output-dir", "rate", "request-target", "keepalive-time")
)  # fmt: skip
DATA = ("data", "data-raw", "data-binary", "data-ascii", "data-urlencode", "json")
# What says how the command itself behaves, or what every request does already.
SILENT = frozenset(
    ("anyauth", "basic", "buffer", "compressed", "connect-timeout", "continue-at", "cookie-jar", "create-dirs",
     "dump-header", "fail", "fail-early", "fail-with-body", "globoff", "http1.0", "http1.1", "http2",
     "http2-prior-knowledge", "http3", "include", "ipv4", "ipv6", "junk-session-cookies", "keepalive-time",
     "limit-rate", "max-filesize", "max-redirs", "no-buffer", "no-keepalive", "no-progress-meter", "output",
     "output-dir", "path-as-is", "progress-bar", "remote-header-name", "remote-name", "remote-name-all",
     "retry-delay", "retry-max-time", "show-error", "silent", "speed-limit", "speed-time", "ssl-reqd", "stderr",
     "styled-output", "tcp-nodelay", "tls-max", "tlsv1", "tlsv1.2", "tlsv1.3", "trace", "trace-ascii", "verbose",
     "write-out", "")
)  # fmt: skip
# What would change the answer, and why it is not taken over.
LEFT_OUT = {
    "form": "-F sends files or parts: a request of a flow cannot. Body stays empty.",
    "form-string": "--form-string sends parts: a request of a flow cannot. Body stays empty.",
    "insecure": "-k is left out: certificates are always checked.",
    "location": "-L is left out: no redirect is followed. Give the address where it leads.",
    "proxy": "-x is left out: the server decides which proxy is used.",
    "upload-file": "-T is left out: there are no files. Paste the text of the file into Body.",
    "cert": "-E is left out: client certificates cannot be used.",
    "key": "--key is left out: client certificates cannot be used.",
    "cacert": "--cacert is left out: certificates are checked by those of the server.",
    "config": "-K is left out: there are no files.",
    "netrc": "-n is left out: there are no files. Choose Authentication.",
    "digest": "--digest is left out: only basic authentication can be sent.",
    "ntlm": "--ntlm is left out: only basic authentication can be sent.",
    "negotiate": "--negotiate is left out: only basic authentication can be sent.",
    "aws-sigv4": "--aws-sigv4 is left out: requests are not signed.",
    "retry": "--retry is left out: see Retry and timeout below.",
    "resolve": "--resolve is left out: names are resolved by the server.",
    "connect-to": "--connect-to is left out: names are resolved by the server.",
    "unix-socket": "--unix-socket is left out: only https and http are asked.",
    "range": "-r is left out. Give a header Range.",
}


def options_of(words: list[str]) -> Iterator[tuple[str, str]]:
    """The options behind the name of the command as (long name, value); addresses are those of `url`."""
    left = list(reversed(words))
    is_over = False
    while left:
        word = left.pop()
        if is_over or not word.startswith("-") or word == "-":
            yield "url", word
        elif word == "--":
            is_over = True
        elif word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            yield name, value if equals or name not in WITH_VALUE else left.pop() if left else ""
        else:
            yield from short_options(word[1:], left)


def short_options(letters: str, left: list[str]) -> Iterator[tuple[str, str]]:
    """Of one word: switches, and at its end one that takes the rest of the word or the next one."""
    for at, letter in enumerate(letters):
        name = SHORT.get(letter, "")
        if name in WITH_VALUE:
            yield name, letters[at + 1 :] or (left.pop() if left else "")
            return
        yield name, ""
