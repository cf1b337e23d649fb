// The pane alone on a page with two tabs, as the patient's page holds it; times go to window.times for the tests.
import { createApp, defineComponent, h, onMounted, ref, shallowRef } from 'vue'

import '@/ui/theme.css'
import { ensureChineseFont } from '@/ui/chineseFont'
import ImagingPane from '@/imaging/ImagingPane.vue'
import type { ImagingFirstScreen } from '@/imaging/contract'

const times: Record<string, number> = {}
Object.assign(window, { times })

const Harness = defineComponent({
  setup() {
    const firstScreen = shallowRef<ImagingFirstScreen & { study: { study_instance_uid: string } }>()
    const tab = ref<'report' | 'images'>('images')
    onMounted(async () => {
      firstScreen.value = await (await fetch('/api/patient/first-screen')).json()
    })
    const button = (name: 'report' | 'images', text: string) =>
      h('button', { type: 'button', 'data-tab': name, style: 'padding: 0 1rem', onClick: () => (tab.value = name) }, text)
    return () =>
      h('div', { style: 'display: flex; flex-direction: column; height: 100%' }, [
        h('nav', { style: 'flex: none; height: 2.75rem; display: flex' }, [button('report', '报告'), button('images', '影像')]),
        h('div', { style: { flex: 1, minHeight: 0, display: tab.value === 'images' ? 'block' : 'none' } }, [
          firstScreen.value
            ? h(ImagingPane, {
                studyInstanceUid: firstScreen.value.study.study_instance_uid,
                firstScreen: firstScreen.value,
                active: tab.value === 'images',
                onFirstImage: (ms: number) => Object.assign(times, { firstImage: ms, firstImageAt: performance.now() }),
                onReady: () => Object.assign(times, { readyAt: performance.now() }),
                onDicomShown: (ms: number) => Object.assign(times, { dicomShown: ms }),
              })
            : undefined,
        ]),
        tab.value === 'report' ? h('p', '报告') : undefined,
      ])
  },
})

createApp(Harness).mount('#app')
void ensureChineseFont()
