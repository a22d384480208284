"""Error catalogue of the social service, in addition to the errors of every service."""

from shared.web.errors import ErrorSpec

# People
USER_NOT_FOUND = ErrorSpec(404, -1, "User not found")

# Blocks
CANNOT_BLOCK_SELF = ErrorSpec(403, -6, "Can not block yourself")
TOO_MANY_BLOCKS = ErrorSpec(403, -9, "Too many blocks")

# Friend requests
CANNOT_ADD_SELF = ErrorSpec(403, -6, "Can not add yourself as friend")
USER_NOT_FOUND_OR_DELETED = ErrorSpec(404, -1, "User not found or deleted")
ALREADY_FRIENDS = ErrorSpec(403, -4, "Already friends")
REQUEST_ALREADY_SENT = ErrorSpec(403, -5, "Friend request already sent")
USER_DELETED = ErrorSpec(404, -1, "User deleted")
REQUEST_NOT_FOUND = ErrorSpec(403, -5, "Request not found")

# Friends
FRIEND_NOT_FOUND = ErrorSpec(404, -1, "Friend not found")
ALREADY_NOT_FRIEND = ErrorSpec(404, -3, "Already not friend")

# Friend groups. Changing the members of a missing group has its own code.
GROUP_EXISTS = ErrorSpec(409, -1, "Group already exists")
GROUP_NAME_EXISTS = ErrorSpec(409, -1, "Name already exists")
GROUP_NOT_FOUND = ErrorSpec(404, -1, "Group not found")
GROUP_NOT_FOUND_FOR_MEMBERS = ErrorSpec(404, -3, "Group not found")
MEMBER_NOT_FRIEND = ErrorSpec(404, -1, "Member is not friend")
MEMBER_ALREADY_IN_GROUP = ErrorSpec(400, -3, "Member already in group")
MEMBER_NOT_IN_GROUP = ErrorSpec(400, -3, "Member not in group")
