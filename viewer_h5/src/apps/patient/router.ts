import { createRouter, createWebHashHistory, type Router } from 'vue-router'

import StudyPage from './study/StudyPage.vue'

/**
 * Everything behind the `#`: which study is looked at never reaches the server's or a proxy's log.
 * `onToken` gets the token of a link opened over a page that is already there (a second scan in the same tab).
 */
export function createPatientRouter(onToken: (token: string) => void): Router {
  return createRouter({
    history: createWebHashHistory(),
    routes: [
      { path: '/', name: 'door', component: () => import('./door/DoorPage.vue') },
      { path: '/study', name: 'study', component: StudyPage },
      { path: '/papers', name: 'papers', component: () => import('./paper/PapersPage.vue') },
      { path: '/papers/:paper', name: 'paper', component: () => import('./paper/PaperPage.vue'), props: true },
      {
        path: '/:token(.+)',
        redirect: ({ path }) => {
          onToken(path.slice(1))
          return { name: 'door' }
        },
      },
    ],
  })
}
