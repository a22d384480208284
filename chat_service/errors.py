"""The error catalogue of the chat service; `shared.web.errors` has the common errors."""

from shared.web.errors import ErrorSpec

# 获取聊天界面 /conversations
MEMBER_UNKNOWN = ErrorSpec(404, -1, "成员不存在")
NOT_FRIEND = ErrorSpec(400, -3, "Not friend with current user.")

# Conversations; the sections of the API document use different texts
CONVERSATION_NOT_FOUND = ErrorSpec(404, -1, "Conversation not found")
CONVERSATION_NOT_FOUND_ZH = ErrorSpec(404, -1, "会话不存在")
NOT_IN_CONVERSATION = ErrorSpec(400, 1, "Not in conversation")
NOT_IN_CONVERSATION_ZH = ErrorSpec(400, 1, "用户不在会话中")
NO_ACCESS = ErrorSpec(403, -3, "权限异常")
NO_ACCESS_BAD_REQUEST = ErrorSpec(400, -3, "权限异常")

# Messages
CONTENT_EMPTY = ErrorSpec(400, -3, "Content is empty")
CONTENT_TOO_LONG = ErrorSpec(400, -3, "Content too long")
REPLY_NOT_FOUND = ErrorSpec(400, -4, "Reply message not found")
CLIENT_ID_USED = ErrorSpec(409, -409, "client_id already used")
MESSAGE_NOT_FOUND = ErrorSpec(404, -1, "Message not found")
MESSAGE_NOT_FOUND_ZH = ErrorSpec(404, -1, "消息不存在")
MAY_NOT_DELETE = ErrorSpec(403, -3, "No permission to delete message")

# Roles and members
USER_NOT_FOUND = ErrorSpec(404, -1, "User not found")
USER_NOT_IN_CONVERSATION = ErrorSpec(400, 1, "User not in conversation")
ONLY_OWNER_SETS_ADMINS = ErrorSpec(403, -3, "非群主不能设置管理员")
ALREADY_ADMIN = ErrorSpec(403, 3, "成员已经是管理员")
NOT_AN_ADMIN = ErrorSpec(403, 3, "管理员不是群组管理员")
ONLY_OWNER_TRANSFERS = ErrorSpec(403, -3, "非群主不能转让群主")
CANNOT_TRANSFER_TO_SELF = ErrorSpec(403, -3, "不能转让给自己")
NOT_IN_GROUP_TO_LEAVE = ErrorSpec(400, 1, "你不在群组中，无法退出")
MAY_NOT_REMOVE = ErrorSpec(403, -3, "非群主或管理员不能移除群成员")
ONLY_OWNER_REMOVES_ADMINS = ErrorSpec(403, -3, "非群主不能移除管理员")
OWNER_CANNOT_REMOVE_SELF = ErrorSpec(403, -3, "群主不能移除自己")

# Announcements
MAY_NOT_ANNOUNCE = ErrorSpec(403, -3, "非群主或管理员不能发布公告")
MAY_NOT_DELETE_ANNOUNCEMENT = ErrorSpec(403, -3, "非群主或管理员不能删除公告")
ANNOUNCEMENT_NOT_FOUND = ErrorSpec(404, -1, "Notification not found")

# Invitations
ALREADY_MEMBER = ErrorSpec(403, -3, "The member is already in the conversation")
NOT_YOUR_FRIEND = ErrorSpec(403, -4, "The user is not your friend")
INVITATION_WAITING = ErrorSpec(403, -5, "正在等待管理员确认，请不要重复发送")
MAY_NOT_HANDLE = ErrorSpec(403, -3, "非群主或管理员不能处理邀请")
INVITATION_HANDLED = ErrorSpec(403, -4, "邀请已处理")
INVITATION_NOT_FOUND = ErrorSpec(403, -5, "Invitation not found")
INVITED_ALREADY_MEMBER = ErrorSpec(403, -6, "User already in conversation")

# 更新群信息/conversations/manage/info
MAY_NOT_UPDATE = ErrorSpec(403, -3, "非群主或管理员不能更新群信息")
