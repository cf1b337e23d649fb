import '@/ui/theme.css'

import { createPinia } from 'pinia'
import { createApp } from 'vue'

import { onSignedOut } from '@/api/http'
import { ensureChineseFont } from '@/ui/chineseFont'

import { takeToken } from './door/token'
import PatientApp from './PatientApp.vue'
import { createPatientRouter } from './router'
import { useSession } from './stores/session'
import { useStudy } from './stores/study'
import { fetchImagingPane } from './study/imaging'

const pinia = createPinia()
const session = useSession(pinia)
session.token = takeToken(window.location, window.history)

const router = createPatientRouter((token) => session.arrive(token))
onSignedOut(() => {
  session.forget('expired')
  void router.replace({ name: 'door' })
})

/** Enough for an answer that has arrived to be read; for one still under way the page is drawn meanwhile. */
const AT_HAND_MS = 50

/** What an address behind the `#` asks for. */
function asked(name: string): string | undefined {
  return new URLSearchParams(window.location.hash.split('?')[1]).get(name) ?? undefined
}

/** With the answer at hand the page is drawn once, and not first without it. */
async function firstScreenIsHere(): Promise<void> {
  if (!window.earlyFirstScreen) return
  const waited = new Promise((resolve) => setTimeout(resolve, AT_HAND_MS))
  await Promise.race([useStudy(pinia).load(asked('study')), waited])
}

if (asked('view') === 'images') fetchImagingPane()
void firstScreenIsHere().then(() => {
  createApp(PatientApp).use(pinia).use(router).mount('#app')
  void ensureChineseFont()
})
