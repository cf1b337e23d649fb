import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'

import { fetchFirstScreen, fetchStudies } from '@/api/patient'
import { asProblem, type Problem } from '@/api/problem'
import type { FirstScreen, Study } from '@/api/types'

import { forgetOnLeave } from './clear'
import { useConsents } from './consents'

/** The study on the page and the patient's own timeline. */
export const useStudy = defineStore('study', () => {
  const screen = shallowRef<FirstScreen | null>(null)
  const timeline = shallowRef<Study[] | null>(null)
  const problem = shallowRef<Problem | null>(null)
  const loading = ref(false)

  /** Loads a study, or the study of the link. What is on the page stays until the other one has arrived. */
  async function load(study?: string): Promise<void> {
    loading.value = true
    problem.value = null
    try {
      screen.value = await fetchFirstScreen(study)
      useConsents().learn(screen.value.consents)
    } catch (error) {
      problem.value = asProblem(error)
    } finally {
      loading.value = false
    }
  }

  async function loadTimeline(): Promise<void> {
    timeline.value = await fetchStudies()
  }

  forgetOnLeave(() => {
    screen.value = timeline.value = problem.value = null
  })

  return { screen, timeline, problem, loading, load, loadTimeline }
})
