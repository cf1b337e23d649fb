import { defineStore } from 'pinia'
import { ref } from 'vue'

import { giveConsent } from '@/api/patient'
import type { Consent, Purpose } from '@/api/types'

import { forgetOnLeave } from './clear'

/** Version of the notices in `i18n/zh-CN.ts`: changes with their text, and then everybody is asked again. */
export const NOTICE_VERSION = '2026-11'

/** What the patient agreed to, and the question that is open. */
export const useConsents = defineStore('consents', () => {
  const given = ref<Partial<Record<Purpose, boolean>>>({})
  const asking = ref<Exclude<Purpose, 'view'> | null>(null)
  let answer: ((agreed: boolean) => void) | null = null

  function learn(consents: readonly Consent[]): void {
    for (const consent of consents) {
      given.value[consent.purpose as Purpose] = consent.given && consent.version === NOTICE_VERSION
    }
  }

  async function record(purpose: Purpose, agreed: boolean): Promise<void> {
    await giveConsent(purpose, NOTICE_VERSION, agreed)
    given.value[purpose] = agreed
  }

  /** True when already given; otherwise opens the notice and waits for the patient's choice. */
  function need(purpose: Exclude<Purpose, 'view'>): Promise<boolean> {
    if (given.value[purpose]) return Promise.resolve(true)
    answer?.(false)
    asking.value = purpose
    return new Promise((resolve) => {
      answer = resolve
    })
  }

  /** The patient's choice in the notice. Throws a `Problem` when it could not be recorded; the notice stays open. */
  async function choose(agreed: boolean): Promise<void> {
    if (!asking.value) return
    if (agreed) await record(asking.value, true)
    asking.value = null
    answer?.(agreed)
    answer = null
  }

  forgetOnLeave(() => {
    given.value = {}
    asking.value = null
    answer?.(false)
    answer = null
  })

  return { given, asking, learn, record, need, choose }
})
