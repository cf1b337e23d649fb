"""Words of the list of doctors' desks."""

ONLINE, OFFLINE, OUTDATED = "在线", "离线", "不是最新"
SWITCH = {True: "开启", False: "关闭"}
COLUMNS = (
    "工作站",
    "状态",
    "最近在线",
    "版本",
    "版本提示",
    "操作系统",
    "历史检查提醒",
    "重复检查提醒",
    "开关修改时间",
    "开关修改人",
    "安装时间",
    "唤起次数",
    "最近唤起",
    "编号",
)
