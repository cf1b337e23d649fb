/** Examinations at other hospitals. Loaded with the part that says it. */
export const elsewhereWords = {
  title: '其他医院的检查',
  asking: '正在查询其他医院…',
  none: '没有查到您在其他医院登记的检查。',
  states: {
    unavailable: '现在没能查到其他医院的检查：区域平台没有及时回应。本院的检查不受影响。',
    not_connected: '现在不能查询其他医院的检查：本院没有接通区域平台。',
    no_id_number: '不能查询其他医院的检查：本院没有登记您的有效身份证号。需要时请到医院窗口补登。',
  },
  invite: '可以通过区域平台查询您在其他医院的检查，需要您的同意。',
  ask: '查询其他医院',
  outside: '外院',
  hasImages: '有影像',
  nothing: '暂不能查看',
  newTab: '（在新标签页打开）',
  opening: '正在打开…',
  blocked: '浏览器没有打开新标签页，请点下面的按钮（两分钟内有效）：',
  openAt: (institution: string) => `打开${institution}的页面`,
}
