import '@/ui/theme.css'

import { createApp } from 'vue'

import { ensureChineseFont } from '@/ui/chineseFont'

import PluginApp from './PluginApp.vue'

createApp(PluginApp).mount('#app')
void ensureChineseFont()
