import { type ComputedRef, inject, type InjectionKey, provide, type Ref, ref, shallowRef } from 'vue'

import type { SectionName, Span } from '@/api/types'

export type View = 'report' | 'explain' | 'images' | 'picture' | 'ask'

/** A report as the panes need it: from the archive, or made from paper. */
export interface ReportText {
  reportId: string
  findings: string
  impression: string
}

export interface OpenedEntry {
  entryId: string | null
  word?: string
  negated?: boolean
}

export interface Workspace {
  report: ComputedRef<ReportText | null>
  view: Ref<View>
  /** The source shown in the report; `asked` grows with every wish, also for the same place again. */
  lit: Ref<{ spans: readonly Span[]; from: View; asked: number } | null>
  entry: Ref<OpenedEntry | null>
  entryOpen: Ref<boolean>
  showSource: (spans: readonly Span[]) => void
  openEntry: (entry: OpenedEntry) => void
}

const key: InjectionKey<Workspace> = Symbol('workspace')

export function provideWorkspace(report: ComputedRef<ReportText | null>, view: Ref<View>): Workspace {
  const lit = shallowRef<{ spans: readonly Span[]; from: View; asked: number } | null>(null)
  const entry = shallowRef<OpenedEntry | null>(null)
  const entryOpen = ref(false)
  const workspace: Workspace = {
    report,
    view,
    lit,
    entry,
    entryOpen,
    showSource(spans) {
      lit.value = { spans, from: view.value, asked: (lit.value?.asked ?? 0) + 1 }
      view.value = 'report'
    },
    openEntry(opened) {
      entry.value = opened
      entryOpen.value = true
    },
  }
  provide(key, workspace)
  return workspace
}

export function useWorkspace(): Workspace {
  const workspace = inject(key)
  if (!workspace) throw new Error('no workspace above this component')
  return workspace
}

/** The service's source spans, as spans. */
export function spansOf(sources: readonly [SectionName, number, number][]): Span[] {
  return sources.map(([section, start, end]) => ({ section, start, end }))
}
