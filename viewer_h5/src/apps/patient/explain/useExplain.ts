import { computed } from 'vue'

import { useConsents } from '../stores/consents'
import { useReadings } from '../stores/reading'
import { useWorkspace } from '../workspace/workspace'

/** The interpretation of the report on the page, and how it is started: consent first, then the reading. */
export function useExplain() {
  const { report } = useWorkspace()
  const readings = useReadings()
  const consents = useConsents()

  const reading = computed(() => (report.value ? readings.of(report.value.reportId) : null))

  /** Starts, asking for consent where it is missing. False when the patient declined. */
  async function start(): Promise<boolean> {
    if (!report.value || !(await consents.need('interpret'))) return false
    await readings.load(report.value.reportId)
    return true
  }

  /** Starts only where consent stands already: the marks then are there without a tap. */
  async function startIfAgreed(): Promise<void> {
    if (report.value && consents.given.interpret) await readings.load(report.value.reportId)
  }

  return { report, reading, start, startIfAgreed }
}
