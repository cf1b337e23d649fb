"""The acceptance book as HTML and PDF, in Chinese."""

import base64
import subprocess
import tempfile
from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from api.acceptance.results import Row, TestOutcome, Verdict
from api.chromium import system_chromium

_COLOURS = {
    Verdict.PROVED: "#1b7f4d",
    Verdict.PARTLY: "#9a6700",
    Verdict.FAILED: "#b42318",
    Verdict.NOT_YET: "#667085",
    Verdict.DOCUMENT: "#175cd3",
}
_STYLE = """
body { font: 15px/1.7 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans SC", sans-serif; margin: 32px auto;
  max-width: 960px; color: #1d2b2a; padding: 0 16px }
h1 { font-size: 26px } h2 { font-size: 19px; margin-top: 36px; break-after: avoid }
section { border: 1px solid #dde5e3; border-radius: 10px; padding: 12px 16px; margin: 12px 0 }
.verdict { float: right; color: #fff; border-radius: 6px; padding: 1px 10px; font-size: 13px }
ul { margin: 6px 0 0; padding-left: 20px; color: #475467; font-size: 13px; overflow-wrap: anywhere }
img { max-width: 220px; border: 1px solid #ccc; border-radius: 6px; margin: 8px 8px 0 0; vertical-align: top;
  break-inside: avoid }
table { border-collapse: collapse } td { padding: 2px 12px 2px 0 }
"""


def write_html(rows: Sequence[Row], to: Path, *, made_at: datetime, version: str) -> None:
    """Write the book as one self-contained page."""
    counts = {verdict: sum(row.verdict is verdict for row in rows) for verdict in Verdict}
    summary = "".join(f"<tr><td>{verdict}</td><td>{count}</td></tr>" for verdict, count in counts.items())
    parts = [
        f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>验收手册</title><style>{_STYLE}</style>',
        f"<h1>明影 验收手册</h1><p>版本 {escape(version)}，生成于 {made_at:%Y-%m-%d %H:%M}（UTC）。",
        "每一条由自动测试在真实接口上验证；▲ 为需要截图或证书的条目。只在我方模拟器上验证的内容会注明。</p>",
        f"<table>{summary}</table>",
    ]
    section = ""
    for row in rows:
        if row.requirement.section != section:
            section = row.requirement.section
            parts.append(f"<h2>{escape(section)}</h2>")
        parts.append(_row(row))
    to.write_text("".join(parts), encoding="utf-8")


def write_pdf(html: Path, to: Path, *, font: Path) -> bool:
    """Print the page to PDF with a Chromium of this machine; False when there is none.

    `font` is set for the printing only: a server often has no Chinese font, whoever reads the page has one.
    """
    browser = system_chromium()  # the one from npm does not print from its command line
    if browser is None:
        return False
    face = f'@font-face {{ font-family: print; src: url("{font.resolve().as_uri()}") }} body {{ font-family: print }}'
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "print.html"
        page.write_text(html.read_text(encoding="utf-8") + f"<style>{face}</style>", encoding="utf-8")
        _print(browser, page, to)
    return True


def _print(browser: str, page: Path, to: Path) -> None:
    subprocess.run(  # noqa: S603  # our own page
        [
            browser,
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
            f"--print-to-pdf={to.absolute()}",
            "--no-pdf-header-footer",
            page.as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )


def _row(row: Row) -> str:
    mark = "▲ " if row.requirement.proof else ""
    document = f"<p>需要文件：{escape(row.requirement.document)}</p>" if row.requirement.document else ""
    tests = "".join(_test(item) for item in row.tests)
    pictures = "".join(_picture(Path(path)) for item in row.tests for path in item.screenshots)
    return (
        f'<section><span class="verdict" style="background:{_COLOURS[row.verdict]}">{row.verdict}</span>'
        f"<b>{mark}{row.requirement.requirement_id}</b> {escape(row.requirement.text)}{document}"
        f"<ul>{tests}</ul>{pictures}</section>"
    )


def _test(item: TestOutcome) -> str:
    outcome = {"passed": "通过", "failed": "失败", "skipped": "跳过"}[item.outcome]
    figures = "".join(f"；{escape(figure)}" for figure in item.figures)
    return f"<li>{escape(item.name)} — {outcome}，{item.seconds:.1f} 秒{figures}</li>"


def _picture(path: Path) -> str:
    if not path.exists():
        return ""
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{escape(path.stem)}">'
