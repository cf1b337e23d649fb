/** Words of the retention page. */
export const retentionWords = {
  title: '保存期限',
  lead: '每项检查至少保存到哪一天，以及为什么。这里只能查看；系统目前不删除任何影像，到期销毁和法定封存尚未提供。',
  search: '检查号或 StudyInstanceUID',
  find: '查询',
  columns: { study: '检查', date: '检查日期', until: '保存到', from: '起算日', why: '原因' },
  shown: (total: number, shown: number) => (total > shown ? `共 ${total} 项，显示最近 ${shown} 项` : `共 ${total} 项`),
  none: '没有找到这项检查。',
  noNumber: '（无检查号）',
}
