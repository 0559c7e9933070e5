"""What a webhook's receiver sees, and what its TLS has to prove."""

from __future__ import annotations

import ssl

import pytest
import trustme

from crm_adapter.events import Event
from crm_adapter.factory import BackEnd
from crm_adapter.port import Delivered, Retry
from crm_adapter.webhook import Webhook, _retry_after
from tests.crm.receiver import Receiver

SECRET = "whsec_c2VjcmV0IG9mIGEgdGVzdCwgbG9uZw=="
EVENT = Event("01M8", "contact.created", "2026-11-23T02:42:17.000Z", "A1", "C1", {"id": "C1", "name": "Zoë 😀"})


@pytest.mark.parametrize(
    ("names", "trusted", "arrives"),
    [(("localhost",), True, True), (("other.example",), True, False), (("localhost",), False, False)],
    ids=["its own certificate", "another's certificate", "a certificate of nobody we trust"],
)
async def test_tls_proves_the_name_though_the_connection_goes_to_an_address(
    names: tuple[str, ...], trusted: bool, arrives: bool
) -> None:
    authority = trustme.CA()
    ours = ssl.create_default_context()
    if trusted:
        authority.configure_trust(ours)
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(theirs)
    receiver = Receiver([SECRET], tls=theirs)
    await receiver.open()
    hook = Webhook(receiver.url, [SECRET], private=True, tls=ours)
    outcome = await hook.deliver(EVENT, None)  # type: ignore[arg-type]
    await hook.close()
    await receiver.close()
    if arrives:
        assert isinstance(outcome, Delivered)
        assert receiver.heard[0].genuine == (True,)
        assert receiver.heard[0].body == {"type": EVENT.type, "timestamp": EVENT.at, "data": dict(EVENT.data)}
    else:
        assert isinstance(outcome, Retry)
        assert "certificate is not accepted" in outcome.why
        assert receiver.heard == []


def test_secrets_stand_in_no_representation() -> None:
    assert "c2Vj" not in repr(BackEnd((1, "E"), "webhook", "https://crm.example/", (SECRET,)))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        ("-1", None),
        ("soon", None),
        ("Thu, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 +999999999999", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("9" * 40, 999_999_999.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, seconds: float | None) -> None:
    assert _retry_after(text) == seconds
