/** The menu. Loaded with the part that says it. */
export const menuWords = {
  title: '菜单',
  open: '打开菜单',
  papers: '拍照解读其他报告单',
  history: '全部检查',
  withdraw: '撤回智能解读的同意',
  withdrawElsewhere: '撤回查询其他医院的同意',
  withdrawn: '已撤回。报告和影像仍可正常查看。',
  privacy: '个人信息处理说明',
  leave: '退出',
}
