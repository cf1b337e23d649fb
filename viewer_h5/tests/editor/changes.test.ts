import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'

import type { Change } from '@/api/editor'
import ChangeList from '@/apps/editor/ChangeList.vue'
import EntryBody from '@/ui/EntryBody.vue'

describe('a difference', () => {
  const changes: Change[] = [
    { field: 'plain', pieces: [{ kind: 'same', text: '小' }, { kind: 'removed', text: '圆' }, { kind: 'added', text: '扁' }, { kind: 'same', text: '团' }] },
    { field: 'source_ids', pieces: [{ kind: 'added', text: 'textbook' }] },
  ]

  it('is marked for eyes and for ears', () => {
    const list = mount(ChangeList, { props: { changes } })
    expect(list.get('ins').text()).toBe('新增：扁')
    expect(list.get('del').text()).toBe('删除：圆')
  })

  it('names sources by their titles', () => {
    const list = mount(ChangeList, { props: { changes, sources: new Map([['textbook', '《影像学》']]) } })
    expect(list.text()).toContain('《影像学》')
  })

  it('shows tags that somebody wrote as text', () => {
    const evil: Change[] = [{ field: 'body', pieces: [{ kind: 'added', text: '<img src=x onerror=alert(1)>' }] }]
    expect(mount(ChangeList, { props: { changes: evil } }).find('img').exists()).toBe(false)
  })
})

describe('an entry as patients see it', () => {
  const entry = { plain: '一句话。', body_html: '<p>说明</p>', sources: [], state: 'reviewed', reviewer: '沈审核', reviewed_at: '2026-03-02T20:00:00Z' }

  it('names who reviewed it and on which day in the hospital', () => {
    expect(mount(EntryBody, { props: { entry } }).text()).toContain('沈审核 审核，2026年3月3日')
  })

  it('says so when nobody has', () => {
    const starter = { ...entry, state: 'starter', reviewer: null, reviewed_at: null }
    expect(mount(EntryBody, { props: { entry: starter } }).text()).toContain('待医生审核')
  })
})
