import { createApp } from 'vue'

import PatientApp from './PatientApp.vue'

createApp(PatientApp).mount('#app')
