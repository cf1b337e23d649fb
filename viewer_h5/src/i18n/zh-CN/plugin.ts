/** What a doctor reads in the plugin. */
export const pluginWords = {
  title: '检查助手',
  doctor: (name: string) => `${name} 医生`,
  leave: '退出',
  waking: '正在启动…',
  over: '插件没有在使用',
  overDetail: '请从 HIS 重新打开患者，或重新登录 HIS。',
  left: '已经退出',
  refresh: '刷新',
  tabs: { label: '栏目', patient: '本次患者', people: '找患者', reminders: '今日提醒' },
  patient: {
    loading: '正在查找检查…',
    asking: '区域平台应答慢，正在再问一次…',
    again: '再查一次',
    none: '没有查到已有报告的检查。',
    elsewhere: '外院',
    own: '本院',
    reminders: '今日重复检查提醒',
    count: (label: string, count: number) => `${label} ${count}`,
    open: (item: string, on: string, institution: string) => `打开 ${on} ${institution} 的 ${item}，新窗口`,
    opening: '正在打开…',
    blocked: '浏览器拦住了新窗口，点这里打开',
  },
  people: {
    search: '按姓名找患者',
    hint: '汉字、全拼或首字母，例如：张三、zhangsan、zs',
    recents: '近期患者',
    found: '找到的患者',
    noRecents: '最近 30 天还没有接诊记录。',
    notFound: '没有找到这样的患者。',
    more: '还有更多，请多输入几个字。',
    lastExam: (day: string) => `最近检查 ${day}`,
    neverExamined: '没有检查',
    choose: (name: string) => `查看 ${name} 的检查`,
  },
  reminders: {
    none: '今天没有重复检查提醒。',
    decided: '已处理',
    open: '待处理',
    counted: (count: number) => `${count} 条待处理`,
  },
}

/** What stands around the panel in a page of the HIS. */
export const dockWords = {
  title: '检查助手',
  panel: '检查助手面板',
  toLeft: '靠左',
  toRight: '靠右',
  hide: '隐藏',
  hideHint: (hotkey: string) => `隐藏，按 ${hotkey} 再打开`,
  back: '收起',
}
