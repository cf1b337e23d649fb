import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'

import type { LocalItem } from '@/api/codes'
import CodeReview from '@/apps/admin/CodeReview.vue'

const chest = { modality: 'CT', body_part: '胸部', side: '', methods: ['平扫'] }
const item: LocalItem = {
  code: 'A1',
  name: '胸部+上腹部CT平扫',
  uses: 3,
  state: 'suggested',
  version: 2,
  suggested: [chest, { ...chest, body_part: '上腹部' }].map((one) => ({ ...one, standard_code: 'X', score: 1 })),
  score: 1,
  unknown: [],
  proposed: [],
  confirmed: [],
  decided_by: null,
  decided_at: null,
}
const catalogue = {
  version: 'demo-1',
  modalities: ['CT', 'DR'],
  parts: ['胸部', '上腹部'].map((name) => ({ name, paired: false })),
  methods: ['平扫'],
}

/** The sheet over a service that answers a decision with these. */
async function sheet(...answers: { status: number; body: unknown }[]) {
  const sent: unknown[] = []
  vi.stubGlobal(
    'fetch',
    vi.fn((_url: string, init: RequestInit = {}) => {
      if (init.method !== 'PUT') return Promise.resolve(Response.json(catalogue))
      sent.push(JSON.parse(String(init.body)))
      const [{ status, body }] = answers.splice(0, 1) as [{ status: number; body: unknown }]
      return Promise.resolve(Response.json(body, { status }))
    }),
  )
  const shown = mount(CodeReview, { props: { item }, global: { stubs: { teleport: true, transition: true } } })
  await flushPromises()
  return { shown, sent, confirm: async () => (await shown.find('.primary').trigger('click'), flushPromises()) }
}

describe('the review of a mapping', () => {
  afterEach(() => vi.unstubAllGlobals())

  it('sends the split as suggested, with the version that was seen', async () => {
    const { shown, sent, confirm } = await sheet({ status: 200, body: item })
    expect(shown.findAll('fieldset')).toHaveLength(2)
    await confirm()
    expect(sent).toEqual([
      { code: 'A1', name: item.name, seen: 2, items: [chest, { ...chest, body_part: '上腹部' }], unlike_name: false },
    ])
    expect(shown.emitted('decided')).toHaveLength(1)
  })

  it('asks for a word where the part is another, and sends it', async () => {
    const refused = { code: 'mapping_refused', title: '不能这样对照', detail: '部位不同', reason: 'other_part' }
    const { shown, sent, confirm } = await sheet({ status: 422, body: refused }, { status: 200, body: item })
    expect(shown.find('[type=checkbox]').exists()).toBe(false)
    await confirm()
    expect(shown.text()).toContain('部位不同')
    await shown.find('[type=checkbox]').setValue(true)
    await confirm()
    expect(sent).toHaveLength(2)
    expect(sent[1]).toMatchObject({ unlike_name: true })
  })

  it('says who was quicker and leads to the result', async () => {
    const late = { code: 'decided_meanwhile', title: '别人刚处理过', detail: '', decided_by: '王丽', decided_at: null }
    const { shown, confirm } = await sheet({ status: 409, body: late })
    await confirm()
    expect(shown.text()).toContain('王丽刚刚处理了这一项')
    expect(shown.emitted('decided')).toBeUndefined()
  })
})
