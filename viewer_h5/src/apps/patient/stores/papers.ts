import { defineStore } from 'pinia'
import { reactive, shallowRef } from 'vue'

import { confirmPaper, deletePaper, fetchPaper, fetchPapers } from '@/api/patient'
import type { Paper, PaperBrief } from '@/api/types'

import { forgetOnLeave } from './clear'

/** How often a paper that is being read is looked at. */
export const POLL_MS = 1200

/** The patient's photographed reports. All calls throw a `Problem`. */
export const usePapers = defineStore('papers', () => {
  const list = shallowRef<PaperBrief[] | null>(null)
  const byId = reactive(new Map<string, Paper>())
  /** What was typed and not yet confirmed, by paper and field. */
  const edits = reactive(new Map<string, Record<string, string>>())

  async function loadList(): Promise<void> {
    list.value = await fetchPapers()
  }

  async function load(paper: string): Promise<Paper> {
    const loaded = await fetchPaper(paper)
    byId.set(paper, loaded)
    return loaded
  }

  function editsOf(paper: string): Record<string, string> {
    let typed = edits.get(paper)
    if (!typed) {
      typed = reactive<Record<string, string>>({})
      edits.set(paper, typed)
    }
    return typed
  }

  async function confirm(paper: string): Promise<void> {
    const read = byId.get(paper)?.fields.map(({ key, value }) => [key, value] as const) ?? []
    await confirmPaper(paper, { ...Object.fromEntries(read), ...editsOf(paper) })
    edits.delete(paper)
    await load(paper)
  }

  async function remove(paper: string): Promise<void> {
    await deletePaper(paper)
    byId.delete(paper)
    edits.delete(paper)
    list.value = list.value?.filter(({ paper_id }) => paper_id !== paper) ?? null
  }

  forgetOnLeave(() => {
    list.value = null
    byId.clear()
    edits.clear()
  })

  return { list, byId, loadList, load, editsOf, confirm, remove }
})
