"""Send mail over SMTP, or write it to a folder if no mail server is configured."""

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
    """The mail server or the folder did not accept a mail."""


class Mailer:
    """Sends mail."""

    def configure(self, smtp_url: SecretStr, timeout: float, sender: str, folder: Path) -> None:
        """Configure the server ``smtp_url``, or the ``folder`` if that is empty.

        Args:
            smtp_url: see the setting ``SMTP_URL``.
            timeout: of each response of the server, in seconds.
            sender: the sender address, with or without a name.
            folder: is created when it is needed.
        """
        self._server = urlsplit(smtp_url.get_secret_value())
        self._timeout = timeout
        self._sender = sender
        self._folder = folder

    def send(self, address: str, subject: str, text: str, html: str = "") -> None:
        """Send a mail. This can take some seconds.

        Args:
            address: the recipient, with an ASCII domain. Other characters before the ``@``
                need a server with SMTPUTF8.
            subject: the subject line.
            text: the plain text body.
            html: the HTML body; empty: none.

        Raises:
            MailError: the server or the folder did not accept the mail.
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

    def delete_written(self, address: str) -> None:
        """Delete the mails to an address from the folder."""
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
        # Every server accepts quoted-printable, and codes stay readable in a file.
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
