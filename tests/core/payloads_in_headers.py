"""Hostile words where a mail has words beside its text: subject, names of people and of files, and Message-IDs."""

from __future__ import annotations

WORDS = {
    "a script": "<script>alert(1)</script>",
    "a handler": "<img src=x onerror=alert(1)>",
    "the end of a title": "</title><script>alert(1)</script>",
    "the end of a text field": "</textarea><svg onload=alert(1)>",
    "the end of an attribute": '"><svg onload=alert(1)>',
    "the end of another attribute": "' onfocus=alert(1) autofocus tabindex=1 x='",
    "the end of a style": "</style><img src=x onerror=alert(1)>",
    "the end of a comment": "--><script>alert(1)</script><!--",
    "entities": "&lt;script&gt;alert(1)&lt;/script&gt;&#60;img src=x onerror=alert(1)&#62;",
    "words of a template": "{{ 7*7 }}{% raw %}<script>alert(1)</script>{% endraw %}${alert(1)}",
    "words of a catalogue": "%(num)s %s %n {address} %%",
    "backticks and stars of ours": '`<b>` *{address}* `"onclick=alert(1)',
    "a link": "javascript:alert(1)",
    "signs that turn around": "\u202e<script>alert(1)</script>\u202c\u2066gpj.exe",
    "signs of ours": "\ufdd0<p>\ufdd4\ufdd1\ufdd3 quoted",
    "controls": "\x01\x0b\x1b[31m<svg onload=alert(1)>",
    "separators of lines": "\u2028<script>alert(1)</script>\u2029",
    "a wide script": "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    "a path": "../../../../etc/passwd<svg onload=alert(1)>",
    "a frame": "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "JSON": '\\u003cscript\\u003ealert(1)\\u003c/script\\u003e"]}',
    "a base": "<base href=//evil.example><meta http-equiv=refresh content=0;url=//evil.example>",
}
