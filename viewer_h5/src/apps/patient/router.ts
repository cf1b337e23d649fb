import { createRouter, createWebHistory, type Router } from 'vue-router'

import StudyPage from './study/StudyPage.vue'

/** Addresses hold no person: the door, the page of a study (`?study=UID&view=…`) and the patient's own papers. */
export function createPatientRouter(): Router {
  return createRouter({
    history: createWebHistory(),
    routes: [
      { path: '/r', name: 'door', component: () => import('./door/DoorPage.vue') },
      { path: '/me', name: 'study', component: StudyPage },
      { path: '/me/papers', name: 'papers', component: () => import('./paper/PapersPage.vue') },
      { path: '/me/papers/:paper', name: 'paper', component: () => import('./paper/PaperPage.vue'), props: true },
      { path: '/:any(.*)*', redirect: { name: 'door' } },
    ],
  })
}
