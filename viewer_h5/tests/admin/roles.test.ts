import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'

import { ADMIN_ROLES, partsOf } from '@/apps/admin/pages'
import RoleBoxes from '@/apps/admin/RoleBoxes.vue'

function boxes(chosen: string[]) {
  return mount(RoleBoxes, { props: { legend: '角色', modelValue: chosen } })
}

async function tick(role: string, chosen: string[]): Promise<unknown> {
  const page = boxes(chosen)
  const label = page.findAll('label').find((item) => item.text().startsWith(role))
  if (!label) throw new Error(`no box ${role}`)
  await label.get('input').setValue(true)
  return page.emitted('update:modelValue')?.[0]?.[0]
}

describe('roles to tick', () => {
  it('keep what may be held together', async () => {
    expect(await tick('内容审核', ['doctor', 'author'])).toEqual(['doctor', 'author', 'reviewer'])
  })

  it('take away the other of two separate duties', async () => {
    expect(await tick('审计员', ['doctor', 'system_administrator'])).toEqual(['doctor', 'auditor'])
  })

  it('mark what was asked for', () => {
    const page = mount(RoleBoxes, { props: { legend: '角色', modelValue: [], marked: ['doctor'] } })
    expect(page.findAll('.chip').map((chip) => chip.element.parentElement?.textContent?.includes('医生'))).toEqual([true])
  })
})

describe('parts of the console', () => {
  it('are none for those who have no business here', () => {
    expect(partsOf(['doctor', 'author', 'reviewer'])).toEqual([])
    expect(ADMIN_ROLES).not.toContain('doctor')
  })

  it('keep the auditor out of administration', () => {
    expect(partsOf(['auditor']).map((part) => part.name)).toEqual(['audit'])
  })
})
