"""Words of the accounts sheet: its columns, roles, what is wrong with a row or with the file."""

from api.accounts.roles import Role

SHEET = "账号"
NAME, LOGIN, DEPARTMENT, ROLES = "姓名", "账号", "科室", "角色"
ROLE_NAMES = {
    Role.DOCTOR: "医生",
    Role.AUTHOR: "内容编辑",
    Role.REVIEWER: "内容审核",
    Role.SYSTEM_ADMINISTRATOR: "系统管理员",
    Role.SECURITY_ADMINISTRATOR: "安全管理员",
    Role.AUDITOR: "审计员",
}
ROLE_SEPARATOR = "、"

LOGIN_FORM = "须以字母开头，2 至 32 位字母、数字或 . _ -"
ROLES_CONFLICT = "系统管理员、安全管理员、审计员须由不同的人担任"
LOGIN_TAKEN = "系统里已有这个账号"


def same_login(row: int) -> str:
    """Say that an earlier row has the same login."""
    return f"与第 {row} 行的账号相同"


def unknown_role(name: str) -> str:
    """Say that there is no such role."""
    return f"没有“{name[:20]}”这个角色，可填：" + ROLE_SEPARATOR.join(ROLE_NAMES.values())


GUIDE = (
    ("列", "怎样填"),
    (NAME, "必填，不超过 64 个字"),
    (LOGIN, "必填。字母开头，2 至 32 位字母、数字或 . _ -；不分大小写，不能与已有账号相同"),
    (DEPARTMENT, "可以不填"),
    (ROLES, "必填。可填：" + ROLE_SEPARATOR.join(ROLE_NAMES.values()) + "；有几个角色时用顿号隔开，如 医生、内容审核"),
    (
        "说明",
        "一个人只能担任系统管理员、安全管理员、审计员中的一个。导入后由安全管理员授权才生效。有一行不对，整个文件都不导入。",
    ),
)
