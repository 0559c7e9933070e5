"""The configuration of HAProxy that we hand out is one that HAProxy takes, and speaks of settings and pages we have."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import trustme

import config
from config.loading import variable
from gateway.web.health import router
from tests.docs.pages import DOCS

FILE = DOCS / "haproxy.cfg"


@pytest.mark.e2e
def test_haproxy_takes_it(tmp_path: Path) -> None:
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if program is None:
        pytest.skip("needs haproxy: apt-get install haproxy")
    certificates = tmp_path / "certs"
    certificates.mkdir()
    shown = trustme.CA().issue_cert("mx.example")
    parts = (*shown.cert_chain_pems, shown.private_key_pem)
    (certificates / "mx.pem").write_bytes(b"".join(part.bytes() for part in parts))
    ours = tmp_path / "haproxy.cfg"
    ours.write_text(FILE.read_text("utf-8").replace("/etc/haproxy/certs/", f"{certificates}/"))
    done = subprocess.run([program, "-c", "-f", str(ours)], capture_output=True, text=True, check=False)
    assert (done.returncode, "WARNING" in done.stderr) == (0, False), done.stderr


def test_it_names_settings_and_pages_that_are_there() -> None:
    text = FILE.read_text("utf-8")
    named = set(re.findall(r"SMARTGATE_[A-Z_]+", text))
    assert named
    assert named <= {variable(field) for field in config.Settings.model_fields}
    pages = set(re.findall(r"GET (/\w+)", text)) | set(re.findall(r"path (/[\w/ ]+?) }", text)[0].split())
    assert pages == {route.path for route in router.routes if hasattr(route, "path")}


def test_it_waits_longer_than_a_gateway_and_hands_on_to_the_ports_that_are_named() -> None:
    text, defaults = FILE.read_text("utf-8"), config.load({})
    for name in ("client", "server"):
        minutes = [int(found) for found in re.findall(rf"timeout {name} (\d+)m", text)]
        assert max(minutes) * 60 > max(defaults.data_seconds, defaults.session_idle_seconds)
    listened = dict(re.findall(r"SMARTGATE_(SMTP|HTTP)_LISTEN=0\.0\.0\.0:(\d+)", text))
    servers = set(re.findall(r"^ +server mx\d 10\.0\.0\.1\d:(\d+)", text, re.MULTILINE))
    assert servers == set(listened.values())
    assert f"check port {listened['HTTP']}" in text
    assert text.count("send-proxy-v2") == 2, "for mail, and not for the web"
