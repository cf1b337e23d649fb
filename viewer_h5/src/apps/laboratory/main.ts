import '@/ui/theme.css'

import { createApp } from 'vue'

import { ensureChineseFont } from '@/ui/chineseFont'

import LaboratoryApp from './LaboratoryApp.vue'

createApp(LaboratoryApp).mount('#app')
void ensureChineseFont()
