"""Files in Kommo: sent to the account's own file service in parts of the size it asks for, in a session a file.

A file that was sent and not put on a card is seen by nobody, so one whose sending broke off is sent again from its
start.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from crm_adapter.kommo_client import ACCOUNT, Client
from crm_adapter.kommo_faults import DoubtError, RefusalError
from crm_adapter.port import Ledger

_KEY = "drive"
_PART = 131_072


class Drive:
    """The file service of one account."""

    def __init__(self, client: Client, ledger: Ledger) -> None:
        self._client, self._ledger = client, ledger

    async def put(self, name: str, content_type: str, content: bytes) -> str:
        """The UUID of the file. Raises RefusalError where the account takes none such."""
        asked = {"file_name": name, "file_size": len(content), "content_type": content_type}
        session = await self._client.upload(urljoin(await self._url(), "/v1.0/sessions"), asked)
        if not isinstance(session, dict) or not isinstance(session.get("upload_url"), str):
            raise DoubtError("Kommo's file service opened no session")
        most = session.get("max_file_size")
        if isinstance(most, int) and len(content) > most:
            raise RefusalError(f"the file has {len(content)} bytes, and Kommo takes {most}", 413)
        size = session.get("max_part_size")
        return await self._send(session["upload_url"], content, size if isinstance(size, int) and size > 0 else _PART)

    async def _send(self, url: str, content: bytes, size: int) -> str:
        answer: Any = None
        for start in range(0, max(len(content), 1), size):
            answer = await self._client.upload(url, content[start : start + size])
            following = answer.get("next_url") if isinstance(answer, dict) else None
            url = following if isinstance(following, str) else url
        uuid = answer.get("uuid") if isinstance(answer, dict) else None
        if not isinstance(uuid, str):
            raise DoubtError("Kommo's file service did not say which file it made")
        return uuid

    async def _url(self) -> str:
        """Where the account's files are: told by the account itself, and remembered."""
        known = await self._ledger.load(_KEY)
        if known is None:
            account = await self._client.get(ACCOUNT, **{"with": "drive_url"})
            known = account.get("drive_url") if isinstance(account, dict) else None
            if not isinstance(known, str) or not known:
                raise RefusalError("the account names no place for files", 404)
            await self._ledger.save(_KEY, known)
        return known
