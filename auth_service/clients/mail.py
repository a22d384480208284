"""Sending mail: over SMTP, or into a folder where there is no mail server."""

import logging
import os
import secrets
import ssl
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTPUTF8, default
from email.utils import format_datetime, make_msgid, parseaddr
from pathlib import Path
from smtplib import SMTP, SMTP_SSL, SMTPException
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr

log = logging.getLogger(__name__)

_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class MailError(Exception):
    """The mail could not be handed over."""


class Mailer:
    """The way out for mail."""

    def configure(self, smtp_url: SecretStr, timeout: float, sender: str, folder: Path) -> None:
        """Send by the server that ``smtp_url`` names, or write into ``folder`` if it is empty.

        Args:
            smtp_url: see the setting.
            timeout: seconds to wait for each answer of the server.
            sender: the address, with or without a name, that mail comes from.
            folder: is made when it is needed.
        """
        self._server = urlsplit(smtp_url.get_secret_value())
        self._timeout = timeout
        self._sender = sender
        self._folder = folder

    def send(self, address: str, subject: str, text: str, html: str = "") -> None:
        """Send a text; it may take some seconds.

        Args:
            address: its domain in ASCII; other letters before the ``@`` need a server that
                knows SMTPUTF8.
            subject: what it is about.
            text: the body.
            html: the same for those who read HTML; empty: none.

        Raises:
            MailError: the server, or the folder, did not take it.
        """
        try:
            message = self._message(address, subject, text, html)
            if self._server.scheme:
                self._send_smtp(message)
            else:
                self._write_file(message)
        except (SMTPException, MessageError, OSError, ValueError) as failure:
            log.warning("mail_not_sent", extra={"failure": type(failure).__name__})
            raise MailError from failure

    def forget(self, address: str) -> None:
        """Remove what was written into the folder for an address."""
        for path in self._folder.glob("*.eml"):
            message = message_from_bytes(path.read_bytes(), policy=SMTPUTF8)
            if parseaddr(message["To"])[1].casefold() == address.casefold():
                path.unlink(missing_ok=True)

    def _message(self, address: str, subject: str, text: str, html: str) -> EmailMessage:
        message = EmailMessage(policy=default.clone(utf8=not address.isascii()))
        message["From"] = self._sender
        username, _, domain = address.rpartition("@")
        message["To"] = Address(username=username, domain=domain)
        message["Subject"] = subject
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = make_msgid(domain=parseaddr(self._sender)[1].rpartition("@")[2])
        # Goes through every server, and the code stays readable in a file.
        message.set_content(text, cte="quoted-printable")
        if html:
            message.add_alternative(html, subtype="html", cte="quoted-printable")
        return message

    def _send_smtp(self, message: EmailMessage) -> None:
        with _connect(self._server, self._timeout) as server:
            if self._server.scheme == "smtp+starttls":
                server.starttls(context=ssl.create_default_context())
            if self._server.username:
                server.login(unquote(self._server.username), unquote(self._server.password or ""))
            server.send_message(message)

    def _write_file(self, message: EmailMessage) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}"
        unfinished = self._folder / f".{name}"
        unfinished.write_bytes(message.as_bytes())
        written = unfinished.rename(self._folder / f"{name}.eml")
        log.info("mail_written", extra={"path": os.fspath(written)})


def _connect(server: SplitResult, timeout: float) -> SMTP:
    host, port = server.hostname or "", server.port or _PORTS[server.scheme]
    if server.scheme == "smtps":
        context = ssl.create_default_context()
        return SMTP_SSL(host, port, timeout=timeout, context=context)
    return SMTP(host, port, timeout=timeout)


mail = Mailer()
