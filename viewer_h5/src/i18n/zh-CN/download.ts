/** Taking a study away. Loaded with the part that says it. */
const MB = 1_000_000

export const downloadWords = {
  title: '下载影像和报告',
  lead: '下载一个压缩包：原始影像（DICOM）、报告单和预览图。为保护隐私，下载前要输入系统生成的提取码。',
  size: (bytes: number) => (bytes < MB ? '大小不到 1 MB' : `大小约 ${Math.round(bytes / MB)} MB`),
  large: '文件较大，建议连接无线网络后再下载。',
  make: '生成提取码',
  making: '正在生成…',
  again: '重新生成提取码',
  code: '提取码',
  copy: '复制提取码',
  until: (time: string) => `${time} 前有效，请记下来`,
  stillOpen: (time: string) => `您之前生成的提取码在 ${time} 前仍有效，输入即可下载。忘了可以重新生成。`,
  enter: '输入提取码',
  enterHint: '6 个字符，不分大小写',
  missing: '请填写提取码',
  download: '下载',
  checking: '正在核对…',
  started: '已开始下载，请在浏览器的下载列表中查看。',
  wechat: '在微信里下载不了时，请用手机浏览器重新扫描报告单上的二维码，再输入这个提取码。',
}
