"""获取验证码/verify."""

import re
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from aiosmtpd.smtp import AuthResult, Session

from auth_service import errors
from auth_service.tests.factories import decrypted
from shared.testing.client import ApiClient, Reply, assert_error
from shared.testing.redis import redis_server
from shared.web.errors import TOO_MANY_REQUESTS

ANN = "Ann@Example.com"


def _verify(client: ApiClient, email: str = ANN) -> Reply:
    return client.post("/verify", json={"email": email})


def _code_in(message: EmailMessage) -> str:
    [code] = re.findall(r"\b\d{6}\b", message.get_content())
    return str(code)


class _Inbox(Message):
    """The received mails of a server."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[EmailMessage] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self.recipients: list[str] = []
        self.rejecting = False

    def handle_message(self, message: Any) -> None:
        self.messages.append(BytesParser(policy=policy.default).parsebytes(message.as_bytes()))

    async def handle_RCPT(self, *arguments: Any) -> str:  # noqa: N802 - the name is aiosmtpd's.
        _, _, envelope, address, _ = arguments
        if self.rejecting:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        self.recipients.append(address)
        return "250 OK"

    def authenticate(self, _server: Any, _session: Session, *login: Any) -> AuthResult:
        _, _, shown = login
        self.logins.append((shown.login, shown.password))
        return AuthResult(success=shown.password == b"p@ss")


@pytest.fixture
def inbox() -> _Inbox:
    """The mails that the server has accepted."""
    return _Inbox()


@pytest.fixture
def smtp(inbox: _Inbox) -> Iterator[str]:
    """The host and port of a real mail server."""
    with _mail_server(inbox, international=True) as address:
        yield address


@pytest.fixture
def smtp_of_ascii(inbox: _Inbox) -> Iterator[str]:
    """A mail server that supports ASCII addresses only."""
    with _mail_server(inbox, international=False) as address:
        yield address


@contextmanager
def _mail_server(inbox: _Inbox, *, international: bool) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(
        inbox,
        "127.0.0.1",
        port,
        authenticator=inbox.authenticate,
        auth_require_tls=False,
        enable_SMTPUTF8=international,
    )
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def folder(env: Mapping[str, str]) -> Path:
    """The folder of mails without a mail server."""
    folder = Path(env["DATA_DIR"]) / "mail"
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def test_without_a_mail_server_the_mail_is_a_file(anonymous: ApiClient, folder: Path) -> None:
    response = _verify(anonymous, " Ann@Example.com ").json

    [path] = folder.iterdir()
    message = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
    assert (response["info"], response["message"]) == ("Succeed", "发送成功")
    assert (path.suffix, message["To"]) == (".eml", "Ann@Example.com")
    assert decrypted(response["verify_code"]) == _code_in(message)


def test_the_mail_speaks_chinese_and_english(anonymous: ApiClient, folder: Path) -> None:
    _verify(anonymous)
    [path] = folder.iterdir()
    message = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
    assert "验证码" in message.get_content()
    assert "verification code" in message.get_content()
    assert "Verification code" in message["Subject"]


def test_the_code_is_never_logged(
    anonymous: ApiClient, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    code = decrypted(_verify(anonymous).json["verify_code"])
    assert [record.message for record in caplog.records if "mail" in record.message]
    assert not any(code in str(vars(record)) for record in caplog.records)


def test_codes_differ(anonymous: ApiClient, folder: Path) -> None:
    codes = {_verify(anonymous).json["verify_code"] for _ in range(5)}
    assert len(codes) > 1


def test_a_code_goes_out_by_smtp(
    configured: Callable[..., ApiClient], smtp: str, inbox: _Inbox
) -> None:
    service = configured(SMTP_URL=f"smtp://{smtp}", MAIL_FROM="IMS <ims@example.org>")

    response = _verify(service).json

    [message] = inbox.messages
    assert (message["From"], message["To"]) == ("IMS <ims@example.org>", ANN)
    assert decrypted(response["verify_code"]) == _code_in(message)


INTERNATIONAL = [
    ("用户@例子.中国", "用户@xn--fsqu00a.xn--fiqs8s"),
    ("ann@münchen.de", "ann@xn--mnchen-3ya.de"),
]


@pytest.mark.parametrize(("registered", "delivered"), INTERNATIONAL)
def test_a_code_reaches_an_international_address(
    configured: Callable[..., ApiClient], smtp: str, inbox: _Inbox, registered: str, delivered: str
) -> None:
    response = _verify(configured(SMTP_URL=f"smtp://{smtp}"), registered).json
    assert inbox.recipients == [delivered]
    assert decrypted(response["verify_code"]) == _code_in(inbox.messages[0])


@pytest.mark.parametrize(("registered", "delivered"), INTERNATIONAL)
def test_mail_to_an_international_address_is_a_file_as_well(
    anonymous: ApiClient, folder: Path, registered: str, delivered: str
) -> None:
    _verify(anonymous, registered)
    [path] = folder.iterdir()
    assert f"To: {delivered}" in path.read_text()


def test_verify_reports_a_mail_server_that_cannot_write_to_an_international_address(
    configured: Callable[..., ApiClient], smtp_of_ascii: str
) -> None:
    service = configured(SMTP_URL=f"smtp://{smtp_of_ascii}")
    assert_error(_verify(service, "用户@例子.中国"), errors.MAIL_NOT_SENT)


def test_smtp_signs_in_with_what_the_url_says(
    configured: Callable[..., ApiClient], smtp: str, inbox: _Inbox
) -> None:
    assert _verify(configured(SMTP_URL=f"smtp://me%40org:p%40ss@{smtp}")).status_code == 200
    assert inbox.logins == [(b"me@org", b"p@ss")]


def test_verify_reports_a_mail_server_that_does_not_let_us_in(
    configured: Callable[..., ApiClient], smtp: str
) -> None:
    service = configured(SMTP_URL=f"smtp://me:wrong@{smtp}")
    assert_error(_verify(service), errors.MAIL_NOT_SENT)


def test_verify_reports_a_recipient_that_the_mail_server_refuses(
    configured: Callable[..., ApiClient], smtp: str, inbox: _Inbox
) -> None:
    inbox.rejecting = True
    assert_error(_verify(configured(SMTP_URL=f"smtp://{smtp}")), errors.MAIL_NOT_SENT)


@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
def test_verify_sends_nothing_over_a_line_that_should_be_encrypted_and_is_not(
    configured: Callable[..., ApiClient], smtp: str, inbox: _Inbox, scheme: str
) -> None:
    assert_error(_verify(configured(SMTP_URL=f"{scheme}://{smtp}")), errors.MAIL_NOT_SENT)
    assert inbox.messages == []


def test_verify_reports_a_mail_server_that_is_not_there(
    configured: Callable[..., ApiClient],
) -> None:
    assert_error(_verify(configured(SMTP_URL="smtp://127.0.0.1:9")), errors.MAIL_NOT_SENT)


def test_verify_does_not_wait_long_for_a_mail_server_that_hangs(
    configured: Callable[..., ApiClient],
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        service = configured(SMTP_URL=f"smtp://127.0.0.1:{silent.getsockname()[1]}")
        assert_error(_verify(service), errors.MAIL_NOT_SENT)


@pytest.mark.parametrize("email", ["", "ann", "ann@example.com\r\nBcc: bob@example.com"])
def test_verify_refuses_an_invalid_email(anonymous: ApiClient, email: str) -> None:
    assert_error(_verify(anonymous, email), errors.INVALID_EMAIL)


def _assert_three_and_no_more(service: ApiClient, email: str) -> None:
    for spelling in (email, f" {email.upper()} ", email.lower()):
        assert _verify(service, spelling).status_code == 200
    response = _verify(service, email)
    assert_error(response, TOO_MANY_REQUESTS)
    assert 0 < int(response.headers["Retry-After"]) <= 60


def test_verify_sends_three_codes_at_once_and_then_says_when_to_come_back(
    configured: Callable[..., ApiClient], folder: Path
) -> None:
    service = configured(RATE_LIMITS="on")
    _assert_three_and_no_more(service, "ann@example.com")
    assert _verify(service, "bea@example.com").status_code == 200


def test_several_processes_count_together_in_redis(
    configured: Callable[..., ApiClient], folder: Path
) -> None:
    with redis_server() as redis:
        _assert_three_and_no_more(configured(RATE_LIMITS="on", REDIS_URL=redis.url), ANN)
        assert_error(_verify(configured(RATE_LIMITS="on", REDIS_URL=redis.url)), TOO_MANY_REQUESTS)


def test_codes_are_sent_while_redis_is_down(
    configured: Callable[..., ApiClient], folder: Path
) -> None:
    service = configured(RATE_LIMITS="on", REDIS_URL="redis://127.0.0.1:9/0")
    assert _verify(service).status_code == 200
