import { reactive } from 'vue'

import { asProblem, type Problem } from '@/api/problem'
import { pluginWords as words } from '@/i18n/zh-CN/plugin'

/** What became of a click: under way, refused, or an address whose tab the browser kept back. */
export interface Opening {
  busy: boolean
  problem: Problem | null
  blocked: string
}

export function useOpenings() {
  const openings = reactive(new Map<string, Opening>())

  /** `name` is what was clicked, `ask` gets its address. */
  async function open(name: string, ask: () => Promise<{ url: string }>): Promise<void> {
    if (openings.get(name)?.busy) return
    const said: Opening = { busy: true, problem: null, blocked: '' }
    openings.set(name, said)
    const done = (change: Partial<Opening>) => openings.set(name, { ...said, busy: false, ...change })
    // Opened within the click: a browser takes a tab that comes later for an advertisement.
    const tab = window.open('about:blank', '_blank')
    if (tab) {
      tab.opener = null
      tab.document.title = words.patient.opening
    }
    try {
      const { url } = await ask()
      if (tab) tab.location.replace(url)
      done({ blocked: tab ? '' : url })
    } catch (error) {
      tab?.close()
      done({ problem: asProblem(error) })
    }
  }

  return { openings, open, forget: () => openings.clear() }
}
