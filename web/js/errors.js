/** Messages of errors for the user. */

import { ApiError } from "./api.js";
import { t } from "./i18n.js";

/** @import { Key } from "./i18n.js" */

/** The server's texts, by the key of their translation. */
const INFOS = {
  errorEmailTaken: ["User already exists"],
  errorContentEmpty: ["Content is empty"],
  errorContentTooLong: ["Content too long"],
  errorAlreadyInGroup: ["Member already in group"],
  errorNotInGroup: ["Member not in group"],
  errorName: ["Name too long"],
  errorNotFriend: [
    "Not friend with current user.", "The user is not your friend", "Friend not found",
    "Member is not friend", "Already not friend",
  ],
  errorNotAllowed: ["权限异常", "No permission to delete message"],
  errorPasswordIllegal: ["Invalid password", "Password illegal"],
  errorReplyGone: ["Reply message not found"],
  errorEmailInvalid: ["Invalid email"],
  errorConversationGone: [
    "Not in conversation", "你不在群组中，无法退出", "用户不在会话中", "Conversation not found", "会话不存在",
  ],
  errorNotMember: ["User not in conversation"],
  errorSignedOut: ["Invalid or expired JWT"],
  errorPasswordWrong: ["密码错误"],
  errorAlreadyMember: ["The member is already in the conversation", "User already in conversation"],
  errorNotToYourself: [
    "不能转让给自己", "群主不能移除自己", "Can not add yourself as friend", "Can not block yourself",
  ],
  errorOnlyOwner: ["非群主不能移除管理员", "非群主不能设置管理员", "非群主不能转让群主"],
  errorOnlyAdmins: [
    "非群主或管理员不能删除公告", "非群主或管理员不能发布公告", "非群主或管理员不能处理邀请", "非群主或管理员不能更新群信息", "非群主或管理员不能移除群成员",
  ],
  errorAlreadyFriends: ["Already friends"],
  errorAlreadyHandled: ["邀请已处理", "Invitation not found", "Request not found"],
  errorRequestWaiting: ["Friend request already sent"],
  errorInvitationWaiting: ["正在等待管理员确认，请不要重复发送"],
  errorAlreadyAdmin: ["成员已经是管理员"],
  errorNotAdmin: ["管理员不是群组管理员"],
  errorGroupGone: ["Group not found"],
  errorMessageGone: ["Message not found", "消息不存在"],
  errorAnnouncementGone: ["Notification not found"],
  errorUserGone: ["User deleted", "User not found or deleted", "User not found", "成员不存在"],
  errorMail: ["发送失败，请检查网络和邮箱"],
  errorAccountDeleted: ["User deleted or not activated"],
  errorNameTaken: ["Group already exists", "Name already exists"],
  errorCode: ["Invalid or expired code"],
  errorSessionGone: ["Session not found"],
  errorTooManyBlocks: ["Too many blocks"],
  errorRegistrationClosed: ["Registration is closed"],
  errorUnexpected: ["client_id already used"],
};

/** @type {Map<string, Key>} */
const BY_INFO = new Map();
for (const [key, infos] of Object.entries(INFOS)) {
  for (const info of infos) BY_INFO.set(info, /** @type {Key} */ (key));
}

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

/** @param {unknown} error @returns {string} */
export function describe(error) {
  if (!(error instanceof ApiError)) return t("errorUnexpected");
  if (error.status === 429 && error.retryAfter > 0) {
    const n = error.retryAfter;
    if (n < 60) return t("errorTooManySeconds", { n });
    return t("errorTooManyMinutes", { n: Math.ceil(n / 60) });
  }
  const field = /^Missing or error type of \[(.*)\]$/.exec(error.info)?.[1];
  if (field !== undefined) return t(BY_FIELD[field] ?? "errorField");
  return t(BY_INFO.get(error.info) ?? BY_STATUS[error.status] ?? "errorUnexpected");
}
