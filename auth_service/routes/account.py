"""Routes of accounts."""

from typing import Any

from flask import Response, request

from auth_service import errors
from auth_service.domain import accounts, authentication, profile, sessions, signup
from auth_service.domain.own_data import own_data
from auth_service.routes.clients import current_client
from auth_service.routes.tokens import create_token
from auth_service.schemas import (
    REGISTRATION_MESSAGES,
    InfoChange,
    InfoOut,
    LoginIn,
    RegistrationIn,
    RegistrationOut,
    SessionEnd,
    SessionsOut,
    TokenOut,
)
from shared.web.api import MIB, Blueprint
from shared.web.authentication import (
    allow_deleted_account,
    current_claims,
    current_user_id,
    defer_account_check,
    public,
)
from shared.web.errors import SERVICE_UNAVAILABLE
from shared.web.streaming import stream_response

blueprint = Blueprint("account", __name__)


@blueprint.post("/account/reg")
@public
@blueprint.arguments(RegistrationIn)
@blueprint.success("Succeed", RegistrationOut)
@blueprint.errors(
    errors.INVALID_EMAIL,
    errors.NAME_TOO_LONG,
    errors.PASSWORD_ILLEGAL,
    errors.USER_EXISTS,
    errors.REGISTRATION_CLOSED,
)
def register(email: str, name: str, password: str) -> dict[str, Any]:
    """Register an account, or restore a deleted one (用户注册/account/reg)."""
    account, restored = signup.register(email, name, password, current_client())
    message = REGISTRATION_MESSAGES[restored]
    return {"id": account.id, "token": create_token(account), "message": message}


@blueprint.delete("/account/delete")
@blueprint.success("Succeed", message="注销成功")
def delete_account() -> None:
    """Delete the caller's account (用户注销/account/delete)."""
    accounts.delete(current_user_id())


@blueprint.get("/account/export")
@blueprint.success(content_type="application/zip")
@blueprint.errors(SERVICE_UNAVAILABLE)
def export() -> Response:
    """Download all stored data of the caller as a ZIP archive."""
    archive = own_data.export(current_user_id(), is_counted=request.method != "HEAD")
    response = stream_response(archive, [archive], "application/zip")
    response.headers["Content-Disposition"] = 'attachment; filename="ims-export.zip"'
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post("/account/login")
@public
@blueprint.arguments(LoginIn)
@blueprint.success("Succeed", TokenOut)
@blueprint.errors(
    errors.INVALID_EMAIL, errors.USER_NOT_FOUND, errors.USER_DELETED, errors.WRONG_PASSWORD
)
def login(email: str, password: str) -> dict[str, Any]:
    """Sign in (用户登录/account/login)."""
    account = authentication.login(email, password, current_client())
    return {"id": account.id, "token": create_token(account)}


@blueprint.post("/account/logout")
@blueprint.success("Succeed", message="退出登录成功")
def logout() -> None:
    """Sign out: end the session of this token."""
    sessions.end_current_session(current_claims())


@blueprint.get("/account/sessions")
@blueprint.success("Succeed", SessionsOut)
def list_sessions() -> dict[str, Any]:
    """List the sessions of the caller, newest first."""
    return {"sessions": sessions.list_sessions(current_claims(), current_client())}


@blueprint.delete("/account/sessions")
@blueprint.arguments(SessionEnd)
@blueprint.success("Succeed", message="退出登录成功")
@blueprint.errors(errors.SESSION_NOT_FOUND)
def end_sessions(others: bool, session_id: int | None = None) -> None:
    """End one session of the caller, or all but the current one."""
    sessions.end_sessions(current_claims(), session_id, others=others)


@blueprint.get("/account/info")
@defer_account_check
@allow_deleted_account
@blueprint.success("Succeed", InfoOut)
def show_info() -> dict[str, Any]:
    """Get the caller's profile (获取个人信息/account/info)."""
    return profile.get_profile(current_user_id())


@blueprint.put("/account/info")
@blueprint.arguments(InfoChange, max_bytes=8 * MIB)
@blueprint.success("Succeed", message="修改成功")
@blueprint.errors(
    errors.WRONG_PASSWORD,
    errors.NAME_TOO_LONG,
    errors.INVALID_EMAIL,
    errors.USER_EXISTS,
    errors.INVALID_PASSWORD,
    errors.REGISTRATION_CLOSED,
)
def change_info(
    origin_password: str,
    name: str | None,
    password: str | None,
    email: str | None,
    user_info: str | None,
    avatar: str | None,
) -> None:
    """Update the caller's profile, all or nothing (修改个人信息/account/info)."""
    wanted = {
        "name": name,
        "password": password,
        "email": email,
        "user_info": user_info,
        "avatar": avatar,
    }
    profile.update_profile(current_claims(), origin_password, current_client(), wanted)
