import { defineStore } from 'pinia'
import { reactive } from 'vue'

import { fetchInterpretation } from '@/api/patient'
import { asProblem, type Problem } from '@/api/problem'
import type { Interpretation } from '@/api/types'

import { forgetOnLeave } from './clear'
import { useConsents } from './consents'

export interface Reading {
  state: 'none' | 'loading' | 'ready' | 'failed'
  interpretation: Interpretation | null
  problem: Problem | null
}

/** 智能解读 by report. */
export const useReadings = defineStore('readings', () => {
  const byReport = reactive(new Map<string, Reading>())
  const loads = new Map<string, Promise<void>>()

  function of(reportId: string): Reading {
    let reading = byReport.get(reportId)
    if (!reading) {
      reading = reactive<Reading>({ state: 'none', interpretation: null, problem: null })
      byReport.set(reportId, reading)
    }
    return reading
  }

  /** Loads once; a failed one may be loaded again. Asks for nothing: the caller has made sure of the consent. */
  function load(reportId: string): Promise<void> {
    const reading = of(reportId)
    if (reading.state === 'ready') return Promise.resolve()
    let loading = loads.get(reportId)
    if (!loading) {
      loading = fetchInto(reading, reportId).finally(() => loads.delete(reportId))
      loads.set(reportId, loading)
    }
    return loading
  }

  async function fetchInto(reading: Reading, reportId: string): Promise<void> {
    reading.state = 'loading'
    reading.problem = null
    try {
      reading.interpretation = await fetchInterpretation(reportId)
      reading.state = 'ready'
    } catch (error) {
      reading.problem = asProblem(error)
      reading.state = 'failed'
      // The service knows better than the page what was agreed to.
      if (reading.problem.code === 'consent_needed') useConsents().given.interpret = false
    }
  }

  /** Marks and explanations leave the page with the consent. */
  function clear(): void {
    byReport.clear()
  }

  forgetOnLeave(clear)

  return { byReport, of, load, clear }
})
