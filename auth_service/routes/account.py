"""Accounts over HTTP."""

from typing import Any

from auth_service import errors
from auth_service.domain import accounts
from auth_service.schemas import RegistrationIn, RegistrationOut
from shared.api import Blueprint, answers, refuses, takes
from shared.identity import public

blueprint = Blueprint("account", __name__)


@blueprint.post("/account/reg")
@public
@takes(RegistrationIn)
@answers("Succeed", RegistrationOut, message="注册成功")
@refuses(errors.INVALID_EMAIL, errors.NAME_TOO_LONG, errors.PASSWORD_ILLEGAL, errors.USER_EXISTS)
def register(email: str, name: str, password: str) -> dict[str, Any]:
    """Register an account (用户注册/account/reg)."""
    return {"id": accounts.register(email, name, password), "token": "x"}
