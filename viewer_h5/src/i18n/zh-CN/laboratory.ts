/** What a doctor reads on the page of laboratory reports. */
export const laboratoryWords = {
  title: '检验报告',
  loading: '正在打开…',
  unnamed: '没有选定报告',
  unnamedDetail: '请在插件里点开一份检验报告。',
  caption: (title: string, institution: string) => `${title}，${institution}`,
  columns: { item: '项目', value: '结果', unit: '单位', range: '参考范围', flag: '提示' },
  asWritten: '结果、单位、参考范围和提示均为原报告内容。',
  number: (text: string) => `报告号 ${text}`,
  age: (years: number) => `${years} 岁`,
  earlier: '以前：',
  more: (count: number) => `更早的 ${count} 次`,
  trendRule: '折线只连接本机构同一单位的数值结果；带 <、> 的和文字结果只列出，不画线。',
  others: '这位患者的检验报告',
  shown: '正在看',
  none: '这份报告没有结果。',
}
