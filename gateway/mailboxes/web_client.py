"""Small HTTPS requests to providers: to judged addresses, with a verified certificate, and soon done.

No proxy of the environment, no cookie, no http; a redirect is followed only where it is asked for, and every step of it
is judged anew.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

import httpx2

from crm_adapter.targets import Target, TargetError, read_url
from gateway.mailboxes.network import Network
from gateway.usecases.mail_servers import Trouble

MOST_BYTES = 64 * 1024
_USER_AGENT = "smartgate-mailboxes/1"
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered. fields: header fields, names in lower case."""

    status: int
    fields: Mapping[str, str]
    body: bytes


async def ask(
    network: Network,
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    seconds: float,
    redirects: int = 0,
    authorization: str = "",
) -> Reply | Trouble:
    """GET, or POST of a form. seconds: for all of it. authorization: the field of that name. Trouble names the host
    alone, as a URL or form may hold what is private."""
    host = "the server"
    try:
        async with asyncio.timeout(seconds):
            for _ in range(redirects + 1):
                target = read_url(url)
                if target.scheme != "https":
                    return Trouble("refused", f"{target.host} is asked for over https alone")
                host = target.host
                reply = await _once(network, target, form, authorization)
                if isinstance(reply, Trouble) or reply.status not in _REDIRECTS or not redirects:
                    return reply
                url, authorization = urljoin(url, reply.fields.get("location", "")), ""
    except TargetError:
        return Trouble("refused", f"{host} leads to what is no place for us")
    except TimeoutError:
        return Trouble("network", f"{host} did not answer within {seconds:.0f} s")
    return Trouble("protocol", f"{host} leads from one place to the next")


async def _once(
    network: Network, target: Target, form: Mapping[str, str] | None, authorization: str
) -> Reply | Trouble:
    addresses = await network.judged(target.host, target.port)
    if isinstance(addresses, Trouble):
        return addresses
    trouble = Trouble("network", f"{target.host} can't be reached")
    for address in addresses:
        try:
            return await _at(address, network, target, form, authorization)
        except httpx2.ConnectError as fault:
            trouble = _trouble(target.host, fault)
            if trouble.kind == "tls":
                break
        except httpx2.HTTPError:
            return Trouble("network", f"the connection to {target.host} broke")
    return trouble


async def _at(
    address: str, network: Network, target: Target, form: Mapping[str, str] | None, authorization: str
) -> Reply | Trouble:
    given = {"authorization": authorization} if authorization else {}
    async with httpx2.AsyncHTTPTransport(verify=network.tls, trust_env=False) as transport:
        request = httpx2.Request(
            "GET" if form is None else "POST",
            target.url,
            data=form,
            headers={"user-agent": _USER_AGENT, "accept-encoding": "identity"} | given,
            extensions={"sni_hostname": target.host},
        )
        request.url = request.url.copy_with(host=address)
        answer = await transport.handle_async_request(request)
        try:
            body = bytearray()
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > MOST_BYTES:
                    return Trouble("protocol", f"the answer of {target.host} is larger than {MOST_BYTES // 1024} KiB")
        finally:
            await answer.aclose()
        return Reply(answer.status_code, dict(answer.headers), bytes(body))


def _trouble(host: str, fault: httpx2.ConnectError) -> Trouble:
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Trouble("tls", f"the certificate of {host} is not accepted: {cause.verify_message}")
        cause = cause.__cause__ or cause.__context__
    return Trouble("network", f"{host} can't be reached")
