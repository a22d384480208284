"""Error catalogue of the auth service, in addition to the errors of every service."""

from shared.web.errors import ErrorSpec

USER_EXISTS = ErrorSpec(400, -1, "User already exists")
USER_NOT_FOUND = ErrorSpec(404, -1, "User not found")
USER_DELETED = ErrorSpec(404, 1, "User deleted or not activated")
INVALID_EMAIL = ErrorSpec(400, 1, "Invalid email")
NAME_TOO_LONG = ErrorSpec(400, -3, "Name too long")
PASSWORD_ILLEGAL = ErrorSpec(400, -4, "Password illegal")
INVALID_PASSWORD = ErrorSpec(400, -4, "Invalid password")
WRONG_PASSWORD = ErrorSpec(401, -3, "密码错误")
SESSION_NOT_FOUND = ErrorSpec(404, -1, "Session not found")
INVALID_CODE = ErrorSpec(400, -5, "Invalid or expired code")
REGISTRATION_CLOSED = ErrorSpec(403, -8, "Registration is closed")
MAIL_NOT_SENT = ErrorSpec(404, -5, "发送失败，请检查网络和邮箱")
