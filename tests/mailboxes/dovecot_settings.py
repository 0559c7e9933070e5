"""The files by which a Dovecot of the stand is set up."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Mapping
from pathlib import Path

SLOTS = tuple(f"slot{number}" for number in range(10))
"""Folders with a special use: empty here, named for each person (userdb fields override a section that is there)."""

_MAIN = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
log_timestamp =
instance_name = smartgate-stand
protocols = imap
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {mail_user}
first_valid_uid = 1
mail_uid = {mail_user}
mail_gid = {mail_group}
mail_home = {folder}/homes/%u
mail_fsync = never
mail_max_userip_connections = 0
mailbox_idle_check_interval = 2 secs
imap_id_send = name *
auth_mechanisms = plain login{mechanisms}
auth_verbose = yes
auth_worker_max_count = 1
auth_failure_delay = 0
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.pem
protocol imap {{
  rawlog_dir = {folder}/raw/%u
}}
{passdb}
passdb {{
  driver = dict
  mechanisms = plain login
  args = {folder}/people.conf
}}
userdb {{
  driver = dict
  args = {folder}/people.conf
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {folder}/submission {{
    mode = 0666
  }}
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  service_count = 0
  process_limit = 1
  process_min_avail = 1
  client_limit = 5000
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 5000
}}
namespace inbox {{
  inbox = yes
{slots}  mailbox Nowhere {{
    special_use = \\Flagged
  }}
}}
"""
_OAUTH = """\
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}"""
_DICT = """\
uri = file:{folder}/people
default_pass_scheme = PLAIN
iterate_disable = yes
key passdb {{
  key = passdb/%u
  format = json
}}
key userdb {{
  key = userdb/%u
  format = json
}}
passdb_objects = passdb
userdb_objects = userdb
"""
_INTROSPECTION = """\
introspection_url = {url}
introspection_mode = post
username_attribute = username
active_attribute = active
active_value = true
force_introspection = yes
tls_ca_cert_file = {authority}
"""


def settings(folder: Path, imaps: int, imap: int, owner: str, given: Mapping[str, str], *, oauth: bool) -> str:
    """dovecot.conf. owner: the system's user who owns the mail.

    The folder `Nowhere` never comes to be: its mention makes Dovecot say that it knows special uses.
    """
    user, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    slots = "".join(f"  mailbox {slot} {{\n    auto = no\n  }}\n" for slot in SLOTS)
    text = _MAIN.format(
        folder=folder,
        imaps=imaps,
        imap=imap,
        user=user,
        group=group,
        mail_user=owner,
        mail_group=grp.getgrgid(pwd.getpwnam(owner).pw_gid).gr_name,
        slots=slots,
        mechanisms=" xoauth2 oauthbearer" if oauth else "",
        passdb=_OAUTH.format(folder=folder) if oauth else "",
    )
    return text + "".join(f"{name} = {value}\n" for name, value in given.items())


def passwords(folder: Path) -> str:
    """How passwords and the fields of people are found: in one file, as JSON, so that a value may hold blanks."""
    return _DICT.format(folder=folder)


def signed_in(introspection: str, authority: Path) -> str:
    """How access tokens are checked (RFC 7662). authority: who vouches for the server that is asked."""
    return _INTROSPECTION.format(url=introspection, authority=authority)
