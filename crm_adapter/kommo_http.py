"""The way out to Kommo: only where we may be sent to (`targets`), by https, and nowhere that an answer points to.

Each host has a pool of connections of its own: a connection is found again by its address, and hosts of Kommo may share
one while their certificates differ.
"""

from __future__ import annotations

import ssl

import httpx2

from crm_adapter.targets import Resolve, TargetError, judged, look_up, read_url

CONNECT_SECONDS = 5.0
READ_SECONDS = 25.0
USER_AGENT = "smartgate-kommo/1"


class Guarded(httpx2.AsyncBaseTransport):
    """Judges every address before it connects to it, and connects to the very one it judged.

    private: addresses of our own network, and http, are allowed.
    """

    def __init__(self, *, private: bool, tls: ssl.SSLContext | None, resolve: Resolve = look_up) -> None:
        self._private, self._resolve = private, resolve
        self._tls = tls or ssl.create_default_context()
        self._pools: dict[str, httpx2.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            target = read_url(str(request.url))
            if target.scheme != "https" and not self._private:
                raise TargetError(f"{target.scheme!a} is not allowed; allowed: https")
            addresses = await judged(target, self._resolve, private=self._private)
        except TargetError as fault:
            raise httpx2.ConnectError(str(fault)) from fault
        if not addresses:
            raise httpx2.ConnectError(f"{target.host} has no address")
        pool = self._pools.get(target.host)
        if pool is None:
            pool = self._pools[target.host] = httpx2.AsyncHTTPTransport(verify=self._tls, trust_env=False)
        request.extensions["sni_hostname"] = target.host
        url = request.url
        for address in addresses[:-1]:
            request.url = url.copy_with(host=address)
            try:
                return await pool.handle_async_request(request)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
        request.url = url.copy_with(host=addresses[-1])
        return await pool.handle_async_request(request)

    async def aclose(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()


def http_client(*, private: bool, tls: ssl.SSLContext | None = None, resolve: Resolve = look_up) -> httpx2.AsyncClient:
    """A client for one account. Of one who names a URL, tokens go nowhere else."""
    return httpx2.AsyncClient(
        transport=Guarded(private=private, tls=tls, resolve=resolve),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        headers={"user-agent": USER_AGENT},
    )
