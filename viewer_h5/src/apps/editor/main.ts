import '@/ui/theme.css'

import { createApp } from 'vue'
import { createRouter, createWebHashHistory } from 'vue-router'

import { ensureChineseFont } from '@/ui/chineseFont'

import EditorApp from './EditorApp.vue'
import EntriesPage from './EntriesPage.vue'

const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: '/', name: 'entries', component: EntriesPage },
    { path: '/review', name: 'review', component: EntriesPage, props: { waiting: true } },
    { path: '/entries/:entry', name: 'entry', component: () => import('./EntryPage.vue'), props: true },
    { path: '/new/:word?', name: 'new', component: () => import('./NewEntryPage.vue'), props: true },
    { path: '/words', name: 'words', component: () => import('./WordsPage.vue') },
    { path: '/test', name: 'test', component: () => import('./HitTestPage.vue') },
  ],
})

createApp(EditorApp).use(router).mount('#app')
void ensureChineseFont()
