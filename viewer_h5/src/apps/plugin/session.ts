import { computed, onScopeDispose, ref, shallowRef } from 'vue'

import { onSignedOut } from '@/api/http'
import { choosePatient, fetchPatient, fetchReminders, type Patient, type PatientReminder, sleep, wake, whoIsAwake } from '@/api/plugin'
import { asProblem, Problem } from '@/api/problem'
import { pluginWords as words } from '@/i18n/zh-CN/plugin'

import { Host } from './host'

/** A platform that was late is asked again by itself, so that the list completes; then it waits for a click. */
export const ASK_AGAIN_MS = [3000, 8000] as const

/** The awake plugin: whose it is, which patient it shows, and that it is over. */
export function usePluginSession() {
  const doctor = ref('')
  const over = shallowRef<Problem | null>(null)
  const patient = shallowRef<Patient | null>(null)
  /** Why there is no patient, or why the list could not be had. */
  const noPatient = shallowRef<Problem | null>(null)
  const busy = ref(false)
  const reminders = shallowRef<PatientReminder[]>([])
  const remindersProblem = shallowRef<Problem | null>(null)
  const awake = computed(() => doctor.value !== '' && !over.value)

  let turn = 0 // answers to what is no longer asked come too late
  let asked = 0
  let timer: number | undefined
  const askingAgain = ref(false)
  const host = new Host(() => void leave())

  function forget(): void {
    window.clearTimeout(timer)
    turn += 1
    patient.value = noPatient.value = remindersProblem.value = null
    reminders.value = []
    busy.value = askingAgain.value = false
    document.title = words.title
  }

  function end(problem: Problem): void {
    forget()
    doctor.value = ''
    over.value = problem
    host.tell({ type: 'mingying:ended' })
  }

  onSignedOut(end)

  async function leave(): Promise<void> {
    try {
      await sleep()
    } catch {
      // over all the same: on this screen nothing is left
    }
    end(new Problem(0, 'left', words.left, words.overDetail))
  }

  function tellCount(): void {
    const shown = patient.value
    const text = shown?.badge ?? ''
    const undecided = shown?.reminders.filter((reminder) => !reminder.decided).length ?? 0
    // the desktop shell reads both from here
    document.title = [text, undecided ? words.undecided(undecided) : '', words.title].filter(Boolean).join(' · ')
    host.tell({
      type: 'mingying:badge',
      count: shown?.elsewhere_count ?? null,
      text,
      complete: !shown || shown.elsewhere === 'answered' || shown.elsewhere === 'not_connected',
      reminders: undecided,
    })
  }

  function mayAskAgain(): void {
    const after = patient.value?.elsewhere === 'late' ? ASK_AGAIN_MS[asked] : undefined
    askingAgain.value = after !== undefined
    if (after === undefined) return
    asked += 1
    timer = window.setTimeout(() => void ask(), after)
  }

  async function ask(): Promise<void> {
    window.clearTimeout(timer)
    const mine = (turn += 1)
    busy.value = true
    noPatient.value = null
    try {
      const found = await fetchPatient()
      if (mine !== turn) return
      patient.value = found
    } catch (error) {
      if (mine !== turn) return
      patient.value = null // never the last patient beside a failure
      noPatient.value = asProblem(error)
    }
    busy.value = false
    tellCount()
    mayAskAgain()
  }

  /** Ask anew, with the patient who is shown staying on the screen. */
  async function refresh(): Promise<void> {
    asked = 0
    await ask()
  }

  async function loadReminders(): Promise<void> {
    const whose = doctor.value
    remindersProblem.value = null
    try {
      const found = await fetchReminders()
      if (whose === doctor.value) reminders.value = found.reminders
    } catch (error) {
      if (whose === doctor.value && !over.value) remindersProblem.value = asProblem(error)
    }
  }

  async function choose(reference: string): Promise<void> {
    forget()
    const mine = turn
    busy.value = true
    try {
      await choosePatient(reference)
    } catch (error) {
      if (mine !== turn) return
      busy.value = false
      noPatient.value = asProblem(error)
      tellCount()
      return
    }
    if (mine !== turn) return
    void loadReminders()
    await refresh()
  }

  /** A launch in the address, or the session that is still there; either replaces everything. */
  async function arrive(): Promise<void> {
    const token = location.hash.slice(1)
    forget()
    const mine = turn
    doctor.value = ''
    over.value = null
    // good once: neither the history nor a reload tries it again
    if (token) history.replaceState(history.state, '', location.pathname)
    try {
      const woken = await (token ? wake(token) : whoIsAwake())
      if (mine !== turn) return
      doctor.value = woken.name
    } catch (error) {
      if (mine === turn) end(asProblem(error))
      return
    }
    void loadReminders()
    await refresh()
  }

  const arrived = () => {
    if (location.hash.length > 1) void arrive()
  }
  window.addEventListener('hashchange', arrived)
  onScopeDispose(() => {
    window.removeEventListener('hashchange', arrived)
    window.clearTimeout(timer)
  })
  void arrive()

  return { doctor, over, awake, patient, noPatient, busy, askingAgain, reminders, remindersProblem, refresh, choose, loadReminders, leave }
}
