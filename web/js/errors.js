/** What went wrong, in words for the person at the screen. */

import { ApiError } from "./api.js";
import { t } from "./i18n.js";

/** @typedef {import("./i18n.js").Key} Key */

/** @type {Record<string, Key>} By the text that the server gives. */
export const BY_INFO = {
  "User already exists": "errorEmailTaken",
  "Content is empty": "errorContentEmpty",
  "Content too long": "errorContentTooLong",
  "Member already in group": "errorAlreadyInGroup",
  "Member not in group": "errorNotInGroup",
  "Name too long": "errorName",
  "Not friend with current user.": "errorNotFriend",
  权限异常: "errorNotAllowed",
  "Invalid password": "errorPasswordIllegal",
  "Password illegal": "errorPasswordIllegal",
  "Reply message not found": "errorReplyGone",
  "Invalid email": "errorEmailInvalid",
  "Not in conversation": "errorConversationGone",
  "User not in conversation": "errorNotMember",
  "你不在群组中，无法退出": "errorConversationGone",
  用户不在会话中: "errorConversationGone",
  "Invalid or expired JWT": "errorSignedOut",
  密码错误: "errorPasswordWrong",
  "No permission to delete message": "errorNotAllowed",
  "The member is already in the conversation": "errorAlreadyMember",
  不能转让给自己: "errorNotToYourself",
  群主不能移除自己: "errorNotToYourself",
  非群主不能移除管理员: "errorOnlyOwner",
  非群主不能设置管理员: "errorOnlyOwner",
  非群主不能转让群主: "errorOnlyOwner",
  非群主或管理员不能删除公告: "errorOnlyAdmins",
  非群主或管理员不能发布公告: "errorOnlyAdmins",
  非群主或管理员不能处理邀请: "errorOnlyAdmins",
  非群主或管理员不能更新群信息: "errorOnlyAdmins",
  非群主或管理员不能移除群成员: "errorOnlyAdmins",
  "Already friends": "errorAlreadyFriends",
  "The user is not your friend": "errorNotFriend",
  邀请已处理: "errorAlreadyHandled",
  "Friend request already sent": "errorRequestWaiting",
  "Invitation not found": "errorAlreadyHandled",
  "Request not found": "errorAlreadyHandled",
  "正在等待管理员确认，请不要重复发送": "errorInvitationWaiting",
  "Can not add yourself as friend": "errorNotToYourself",
  "Can not block yourself": "errorNotToYourself",
  "User already in conversation": "errorAlreadyMember",
  成员已经是管理员: "errorAlreadyAdmin",
  管理员不是群组管理员: "errorNotAdmin",
  "Conversation not found": "errorConversationGone",
  "Friend not found": "errorNotFriend",
  "Group not found": "errorGroupGone",
  "Member is not friend": "errorNotFriend",
  "Message not found": "errorMessageGone",
  "Notification not found": "errorAnnouncementGone",
  "User deleted": "errorUserGone",
  "User not found or deleted": "errorUserGone",
  "User not found": "errorUserGone",
  会话不存在: "errorConversationGone",
  成员不存在: "errorUserGone",
  消息不存在: "errorMessageGone",
  "Already not friend": "errorNotFriend",
  "发送失败，请检查网络和邮箱": "errorMail",
  "User deleted or not activated": "errorAccountDeleted",
  "Group already exists": "errorNameTaken",
  "Name already exists": "errorNameTaken",
  "Invalid or expired code": "errorCode",
  "Session not found": "errorSessionGone",
  "Too many blocks": "errorTooManyBlocks",
  "Registration is closed": "errorRegistrationClosed",
  "client_id already used": "errorUnexpected",
};

/** @type {Record<string, Key>} By the field that the server does not accept. */
const BY_FIELD = {
  image: "errorImage",
  avatar: "errorImage",
  message: "errorRequestMessage",
  user_info: "errorAbout",
  name: "errorGroupName",
  new_name: "errorGroupName",
};

/** @type {Record<number, Key>} */
const BY_STATUS = {
  0: "errorUnreachable",
  404: "errorNotThere",
  408: "errorSlow",
  413: "errorTooLarge",
  415: "errorImage",
  429: "errorTooMany",
  502: "errorUnavailable",
  503: "errorUnavailable",
  504: "errorUnavailable",
};

/**
 * @param {unknown} error
 * @returns {string}
 */
export function describe(error) {
  if (!(error instanceof ApiError)) return t("errorUnexpected");
  if (error.status === 429 && error.retryAfter > 0) {
    const n = Math.ceil(error.retryAfter / 60);
    return error.retryAfter < 60 ? t("errorTooManySeconds", { n: error.retryAfter }) : t("errorTooManyMinutes", { n });
  }
  const field = /^Missing or error type of \[(.*)\]$/.exec(error.info)?.[1];
  if (field !== undefined) return t(BY_FIELD[field] ?? "errorField");
  return t(BY_INFO[error.info] ?? BY_STATUS[error.status] ?? "errorUnexpected");
}
