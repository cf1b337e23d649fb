import '@/ui/theme.css'

import { createApp } from 'vue'
import { createRouter, createWebHashHistory } from 'vue-router'

import { ensureChineseFont } from '@/ui/chineseFont'

import AdminApp from './AdminApp.vue'

const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: '/', name: 'start', component: () => import('./StartPage.vue') },
    { path: '/accounts', name: 'accounts', component: () => import('./AccountsPage.vue') },
    { path: '/accounts/new', name: 'new-account', component: () => import('./NewAccountPage.vue') },
    { path: '/accounts/import', name: 'import', component: () => import('./ImportPage.vue') },
    { path: '/cases', name: 'cases', component: () => import('./CasesPage.vue') },
    { path: '/codes', name: 'codes', component: () => import('./CodesPage.vue') },
    { path: '/institutions', name: 'institutions', component: () => import('./InstitutionsPage.vue') },
    { path: '/retention', name: 'retention', component: () => import('./RetentionPage.vue') },
    { path: '/retention/plans/:plan', name: 'disposal-plan', component: () => import('./DisposalPlanPage.vue') },
    { path: '/normalisation', name: 'normalisation', component: () => import('./NormalisationPage.vue') },
    { path: '/normalisation/:study', name: 'normalised-study', component: () => import('./NormalisedStudyPage.vue'), props: true },
    { path: '/quality', name: 'quality', component: () => import('./QualityPage.vue') },
    { path: '/workstations', name: 'workstations', component: () => import('./WorkstationsPage.vue') },
    { path: '/audit', name: 'audit', component: () => import('./AuditPage.vue') },
  ],
})

createApp(AdminApp).use(router).mount('#app')
void ensureChineseFont()
