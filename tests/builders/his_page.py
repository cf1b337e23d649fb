"""A plain web HIS as a separate process: one page with styles of its own and the one script tag of the plugin."""

from tests.builders.control import Handler, serve

_PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>门诊医生站</title>
<style>
  /* what a HIS page may do to everything that has no walls */
  body {{ margin: 0; font: 14px sans-serif }} h1 {{ font-size: 18px; padding: 8px 16px; margin: 0; background: #dfe6e9 }}
  button {{ display: none !important }} section, iframe {{ width: 10px !important; opacity: 0 !important }}
  table {{ margin: 16px; border-collapse: collapse }} td, th {{ border: 1px solid #bbb; padding: 6px 24px }}
</style>
<h1>门诊医生站</h1>
<table><tr><th>候诊号<th>科室<th>状态<tr><td>1<td>呼吸内科<td>就诊中<tr><td>2<td>呼吸内科<td>候诊</table>
<p style="margin:16px">外院检查：<output id="count"></output>　<output id="ended"></output></p>
<script>
  addEventListener('mingying:badge', (event) => {{
    document.getElementById('count').value = event.detail.text
    document.getElementById('ended').value = ''
  }})
  addEventListener('mingying:ended', () => (document.getElementById('ended').value = '请重新唤醒插件'))
</script>
<script src="{plugin}/plugin/dock.js" data-edge="right"></script>
</html>"""


class HisPage(Handler):
    def do_GET(self):
        body = _PAGE.format(plugin=Handler.wishes.get("plugin", "")).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.control()


if __name__ == "__main__":
    serve(HisPage)
