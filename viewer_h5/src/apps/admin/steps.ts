import { type Ref, ref, type ShallowRef, shallowRef } from 'vue'
import { asProblem, type Problem } from '@/api/problem'

/** What a page says of the step it takes: whether one is being taken, and why the last one failed. */
export interface Steps {
  busy: Ref<boolean>
  problem: ShallowRef<Problem | null>
  during: (step: () => Promise<void>) => Promise<void>
}

/** Lets a page take one step after another. */
export function useSteps(): Steps {
  const busy = ref(false)
  const problem = shallowRef<Problem | null>(null)

  async function during(step: () => Promise<void>): Promise<void> {
    busy.value = true
    problem.value = null
    try {
      await step()
    } catch (error) {
      problem.value = asProblem(error)
    } finally {
      busy.value = false
    }
  }

  return { busy, problem, during }
}
