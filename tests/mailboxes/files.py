"""Autoconfiguration files as providers have them (`config-v1.1.xml`)."""

from __future__ import annotations


def incoming(
    host: str,
    port: int | str = 993,
    security: str = "SSL",
    *,
    kind: str = "imap",
    user: str = "%EMAILADDRESS%",
    sign_in: str = "password-cleartext",
) -> str:
    return _server("incomingServer", kind, host, port, security, user, sign_in)


def outgoing(host: str, port: int = 465, security: str = "SSL") -> str:
    return _server("outgoingServer", "smtp", host, port, security, "%EMAILADDRESS%", "password-cleartext")


def _server(tag: str, kind: str, host: str, port: int | str, security: str, user: str, sign_in: str) -> str:
    return (
        f'<{tag} type="{kind}"><hostname>{host}</hostname><port>{port}</port><socketType>{security}</socketType>'
        f"<authentication>{sign_in}</authentication><username>{user}</username></{tag}>"
    )


def file(*servers: str) -> bytes:
    return (
        '<?xml version="1.0"?><clientConfig version="1.1"><emailProvider id="example"><domain>example.com</domain>'
        f"<displayName>Example Mail</displayName>{''.join(servers)}</emailProvider></clientConfig>"
    ).encode()
