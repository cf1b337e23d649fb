import '@/ui/theme.css'

import { createApp } from 'vue'

import { ensureChineseFont } from '@/ui/chineseFont'

import ReadingApp from './ReadingApp.vue'

createApp(ReadingApp).mount('#app')
void ensureChineseFont()
