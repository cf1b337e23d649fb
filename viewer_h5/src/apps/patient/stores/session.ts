import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'

import { exchangeLink, fetchDoor, leave as endGrant } from '@/api/patient'
import type { Door } from '@/api/types'

import { clearPatientStores } from './clear'
import { useStudy } from './study'

export type Ended = 'expired' | 'left' | 'share' | 'doctor'

/** Who stands at the door: the token not yet exchanged, what the door says, and why a page was ended. */
export const useSession = defineStore('session', () => {
  const token = ref<string | null>(null)
  const door = shallowRef<Door | null>(null)
  const ended = ref<Ended | null>(null)

  /** Exchanges a waiting token, then reads the door. Throws a `Problem`; a dead link leaves the door readable. */
  async function open(): Promise<Door> {
    const waiting = token.value
    token.value = null
    let dead: unknown = null
    if (waiting) {
      ended.value = null
      await exchangeLink(waiting).catch((error: unknown) => {
        dead = error
      })
    }
    door.value = await fetchDoor()
    if (dead) throw dead
    return door.value
  }

  async function readDoor(): Promise<void> {
    door.value ??= await fetchDoor()
  }

  /** Nothing of the patient stays in memory. A share that no longer opens was ended, whatever the page was doing. */
  function forget(why: 'expired' | 'left'): void {
    const holder = useStudy().screen?.holder ?? 'patient'
    ended.value = why === 'expired' && holder !== 'patient' ? holder : why
    door.value = null
    clearPatientStores()
  }

  /** Another link was opened over this page: nothing of the former patient stays. */
  function arrive(another: string): void {
    clearPatientStores()
    door.value = null
    token.value = another
  }

  async function leave(): Promise<void> {
    await endGrant()
    forget('left')
  }

  return { token, door, ended, open, readDoor, arrive, forget, leave }
})
