import '@/ui/theme.css'

import { createPinia } from 'pinia'
import { createApp } from 'vue'

import { onSignedOut } from '@/api/http'
import { ensureChineseFont } from '@/ui/chineseFont'

import { takeToken } from './door/token'
import PatientApp from './PatientApp.vue'
import { createPatientRouter } from './router'
import { useSession } from './stores/session'

const pinia = createPinia()
const session = useSession(pinia)
session.token = takeToken(window.location, window.history)

const router = createPatientRouter((token) => session.arrive(token))
onSignedOut(() => {
  session.forget('expired')
  void router.replace({ name: 'door' })
})

createApp(PatientApp).use(pinia).use(router).mount('#app')
void ensureChineseFont()
