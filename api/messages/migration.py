"""The report of a migration from an old PACS, for people and for programs."""

from typing import Any

from imaging_core.network.migration import MigrationReport, State

_STATES = {
    State.WAITING: "未取得",
    State.COMPLETE: "完整",
    State.MISSING: "缺少影像",
    State.DIFFERING: "不一致",
    State.FAILED: "失败",
}
_MOST_LINES = 500


def report_text(report: MigrationReport) -> str:
    """Return the report in sentences and a table."""
    lines = [
        "旧 PACS 影像迁移报告",
        f"来源：{report.source}",
        f"开始：{report.began.astimezone():%Y-%m-%d %H:%M}",
        f"结束：{report.ended.astimezone():%Y-%m-%d %H:%M}",
        f"检查：旧系统 {report.found} 次，本系统完整 {report.complete} 次"
        f"（其中 {report.already_here} 次此前已在本系统）",
        f"影像：旧系统 {report.instances_there} 幅，本系统 {report.instances_here} 幅",
    ]
    for state in (State.MISSING, State.DIFFERING, State.FAILED, State.WAITING):
        number = sum(item.state is state for item in report.not_complete)
        if number:
            lines.append(f"{_STATES[state]}：{number} 次")
    lines.append("结论：全部完整。" if report.whole else "结论：尚未全部完整，请处理下列各项后再次运行同一命令。")
    if report.stopped:
        lines.append(f"中途停止：旧系统不再应答（{report.stopped}）")
    if report.days_not_listed:
        lines += ["", "旧系统未能列出检查的日期："]
        lines += [f"  {day or '全部'}　{reason}" for day, reason in report.days_not_listed[:_MOST_LINES]]
    if report.not_complete:
        lines += ["", "未完整的检查（日期　状态　旧系统/本系统幅数　检查 UID　原因）："]
        lines += [
            f"  {item.study_date or '无日期'}　{_STATES[item.state]}　{item.theirs}/{item.ours}"
            f"　{item.study_instance_uid}　{item.reason}".rstrip("　")
            for item in report.not_complete[:_MOST_LINES]
        ]
        if len(report.not_complete) > _MOST_LINES:
            lines.append(f"  另有 {len(report.not_complete) - _MOST_LINES} 次，见同名 JSON 文件")
    return "\n".join(lines) + "\n"


def report_json(report: MigrationReport) -> dict[str, Any]:
    """Return the report as JSON: a public form, add to it and change nothing."""
    return {
        "source": report.source,
        "began": report.began.isoformat(),
        "ended": report.ended.isoformat(),
        "studies": {
            "found": report.found,
            "complete": report.complete,
            "already_here": report.already_here,
            **{
                state.value: sum(item.state is state for item in report.not_complete)
                for state in (State.MISSING, State.DIFFERING, State.FAILED, State.WAITING)
            },
        },
        "instances": {"there": report.instances_there, "here": report.instances_here},
        "not_complete": [
            {
                "study_instance_uid": item.study_instance_uid,
                "study_date": item.study_date.isoformat() if item.study_date else None,
                "state": item.state.value,
                "there": item.theirs,
                "here": item.ours,
                "missing": list(item.missing),
                "reason": item.reason,
            }
            for item in report.not_complete
        ],
        "days_not_listed": [{"date": day, "reason": reason} for day, reason in report.days_not_listed],
        "stopped": report.stopped,
        "whole": report.whole,
    }
